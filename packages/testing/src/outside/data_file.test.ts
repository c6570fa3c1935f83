import '@tensorflow/tfjs-backend-cpu';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readCases, runCase } from './data_file.js';
import type { OnnxCase } from './onnx_case.js';
import type { TensorData } from './tensor_data.js';
import type { VllmCase } from './vllm_case.js';

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../fixtures/conformance/${name}.json.gz`, import.meta.url));

let folder: string;

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend('cpu');
  folder = mkdtempSync(join(tmpdir(), 'conformance-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function written(content: unknown): string {
  const path = join(folder, 'cases.json');
  writeFileSync(path, JSON.stringify(content));
  return path;
}

const float32 = (shape: number[], values: number[]): TensorData => ({
  dtype: 'float32',
  shape,
  data: Buffer.from(Float32Array.from(values).buffer).toString('base64'),
});

/** Two keys, one query; 3D, and a mask that is one key short. */
const masked: OnnxCase = {
  name: 'masked',
  attributes: { q_num_heads: 1, kv_num_heads: 1 },
  inputs: {
    Q: float32([1, 1, 1], [1]),
    K: float32([1, 2, 1], [1, 1]),
    V: float32([1, 2, 1], [3, 9]),
    attn_mask: { dtype: 'bool', storedAs: 'uint8', shape: [1, 1], data: 'AQ==' },
  },
  outputs: { Y: float32([1, 1, 1], [3]) },
  rtol: 1e-3,
  atol: 1e-7,
};

test('plain JSON is read, as a list or under `cases`', () => {
  expect(readCases(written([masked]))).toEqual([masked]);
  expect(readCases(written({ cases: [masked] }))).toEqual([masked]);
  expect(() => readCases(written({}))).toThrow(/list of cases/);
});

test('a mask narrower than the keys hides the rest', async () => {
  expect((await runCase(masked)).failures).toEqual([]);
});

test('a wrong value fails and is named with its error', async () => {
  const wrong = { ...masked, outputs: { Y: float32([1, 1, 1], [3.5]) } };
  const [failure] = (await runCase(wrong)).failures;
  expect(failure).toMatch(/Y\[0\]: expected 3\.5, got 3: worst error 0\.500/);
});

test('an error fails the case, not the run', async () => {
  const broken = { ...masked, attributes: { q_num_heads: 1, kv_num_heads: 3 } };
  expect((await runCase(broken)).failures).toHaveLength(1);
});

test('one cache byte that differs fails a case of vLLM', async () => {
  const c = readCases(fixture('vllm_unified_attention'))[6] as VllmCase;
  const bytes = Buffer.from(c.keyCache.data, 'base64');
  bytes[bytes.findIndex((byte) => byte !== 0)] ^= 1;
  const keyCache = { ...c.keyCache, data: bytes.toString('base64') };
  const { failures } = await runCase({ ...c, keyCache });
  expect(failures).toHaveLength(1);
  expect(failures[0]).toMatch(/key cache: 1 of \d+ bytes differ/);
});

test('a form that nobody knows is an error', async () => {
  await expect(runCase({ name: 'x' } as OnnxCase)).rejects.toThrow(/no known form/);
});
