import { expect, test } from '@jest/globals';
import * as tf from '@tensorflow/tfjs';
import { run } from './run.js';

test('the example learns, saves, loads, and runs an archive of Keras', async () => {
  await tf.setBackend('cpu');
  const lines: string[] = [];
  const archive = 'packages/layers/fixtures/models/translator.keras';
  const { losses, change } = await run(archive, 15, (line) => lines.push(line));
  expect(losses[15]).toBeLessThan(losses[0]);
  expect(change).toBeLessThan(1e-5);
  expect(lines[lines.length - 1]).toMatch(/translator\.keras: \d+ layers, output \[1, 4, 9\]$/);
}, 240_000);
