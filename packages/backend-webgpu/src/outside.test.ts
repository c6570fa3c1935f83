import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from '@jest/globals';
import { nameOf, readCases, runCase } from '../../testing/src/outside/data_file.js';
import { registerWebGPUBackend } from './index.js';
import { describeWebGpu } from './webgpu_test.js';

const FOLDER = fileURLToPath(new URL('../../testing/fixtures/conformance/', import.meta.url));
const CASES = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json.gz'))
  .flatMap((file) => readCases(FOLDER + file));

await describeWebGpu('SwiftShader', 'outside data with subgroups of 4', () => {
  test.each(CASES.map((c) => [nameOf(c), c] as const))('%s', async (_, c) => {
    if (tf.findBackendFactory('subgroups4') == null) registerWebGPUBackend({ name: 'subgroups4' });
    await tf.setBackend('subgroups4');
    const before = tf.memory().numTensors;
    expect((await runCase(c, 'FUSED')).failures).toEqual([]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
