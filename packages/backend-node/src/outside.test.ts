import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from '@jest/globals';
import { nameOf, readCases, runCase } from '../../testing/src/outside/data_file.js';
import './index.js';
import { describeTensorFlow } from './tensorflow_test.js';

const FOLDER = fileURLToPath(new URL('../../testing/fixtures/conformance/', import.meta.url));
const CASES = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json.gz'))
  .flatMap((file) => readCases(FOLDER + file));

describeTensorFlow('outside data on tensorflow', () => {
  beforeAll(async () => {
    tf.env().set('IS_TEST', true);
    await tf.setBackend('tensorflow');
  });

  test.each(CASES.map((c) => [nameOf(c), c] as const))('%s', async (_, c) => {
    const before = tf.memory().numTensors;
    expect((await runCase(c, 'FUSED')).failures).toEqual([]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
