import * as tf from '@tensorflow/tfjs';
import '@tfjs-attention/backend-cpu';
import { expect, test } from '@jest/globals';
import { run } from './run.js';

test('absorbed decode continues what expanded prefill began', async () => {
  await tf.setBackend('cpu');
  const lines: string[] = [];
  expect(await run(20, (line) => lines.push(line))).toBeLessThan(1e-4);
  expect(lines[1]).toBe('latents take 5120 bytes, keys and values of all heads would take 40960');
});
