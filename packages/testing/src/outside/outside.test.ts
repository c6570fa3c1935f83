import '@tensorflow/tfjs-backend-cpu';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { setWasmModule } from '@tfjs-attention/backend-cpu';
import type { Implementation } from '@tfjs-attention/core';
import { findStockWasm } from '../node/stock_wasm.js';
import { nameOf, readCases, runCase } from './data_file.js';

const FOLDER = fileURLToPath(new URL('../../fixtures/conformance/', import.meta.url));
const FILES = readdirSync(FOLDER).filter((file) => file.endsWith('.json.gz'));
const CASES = FILES.flatMap((file) => readCases(FOLDER + file));

const SUBJECTS = [
  ['cpu', 'simd', 'FUSED'],
  ['cpu', 'relaxed', 'FUSED'],
  ['cpu', 'typescript', 'FUSED'],
  ['wasm', 'simd', 'FUSED'],
  ['wasm', 'relaxed', 'FUSED'],
  ['cpu', 'auto', 'COMPOSED'],
] as const satisfies readonly (readonly [string, string, Implementation])[];

test('the data files hold 59 ONNX cases, 9 of vLLM and 2 merges', () => {
  expect(CASES.filter((c) => 'attributes' in c)).toHaveLength(59);
  expect(CASES.filter((c) => 'blockTables' in c)).toHaveLength(9);
  expect(CASES.filter((c) => 'prefixOutput' in c)).toHaveLength(2);
});

describe.each(SUBJECTS)('outside data on %s, %s, %s', (backend, module, implementation) => {
  beforeAll(async () => {
    tf.env().set('IS_TEST', true);
    findStockWasm();
    setWasmModule(module);
    await tf.setBackend(backend);
  });

  test.each(CASES.map((c) => [nameOf(c), c] as const))('%s', async (_, c) => {
    const before = tf.memory().numTensors;
    expect((await runCase(c, implementation)).failures).toEqual([]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
