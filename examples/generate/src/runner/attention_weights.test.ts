import { beforeAll, expect, test } from '@jest/globals';
import { memory, setBackend } from '@tensorflow/tfjs-core';
import { openModel, openRunner, TINY_LLAMA, variantPath } from '../fixtures.js';

beforeAll(() => setBackend('wasm'));

const sums = (rows: number[][]) => rows.map((row) => row.reduce((sum, x) => sum + x, 0));

test('weights of a token are those it had, whatever came after', async () => {
  const model = await openModel(TINY_LLAMA, 'wasm');
  const ids = [0, 1143, 259, 1796, 1239, 12, 7];
  const long = openRunner(model);
  long.prefill(ids).dispose();
  const short = openRunner(model);
  short.prefill(ids.slice(0, 4)).dispose();
  const before = memory().numTensors;
  const weights = long.attentionWeights(3, 2);
  expect(weights.shape).toEqual([6, 4]);
  const rows = await weights.array();
  for (const sum of sums(rows)) expect(sum).toBeCloseTo(1, 5);
  expect(new Set(rows.map(String)).size).toBe(6);
  const same = short.attentionWeights(3, 2);
  const other = await same.array();
  rows.forEach((row, head) => row.forEach((x, j) => expect(x).toBeCloseTo(other[head][j], 5)));
  weights.dispose();
  same.dispose();
  expect(memory().numTensors).toBe(before);

  const next = long.score([5]);
  const anew = openRunner(model);
  const wanted = anew.score([...ids, 5]);
  const last = (await wanted.array())[ids.length];
  (await next.array())[0].forEach((x, i) => expect(x).toBeCloseTo(last[i], 3));
  expect(() => long.attentionWeights(8, 0)).toThrow('token 8 is not in the cache, which holds 8');
  for (const runner of [long, short, anew]) runner.dispose();
  model.dispose();
});

test('a window hides what lies before it, a sink takes its share', async () => {
  const model = await openModel(variantPath('gptoss-sinks'), 'wasm', 64);
  const { slidingWindows } = model.config;
  const layer = slidingWindows.findIndex((window) => window !== null);
  const runner = openRunner(model, { maxTokens: 64, blockSize: 4, prefillChunk: 8 });
  runner.prefill(Array.from({ length: 40 }, (_, i) => i + 1)).dispose();
  const weights = runner.attentionWeights(39, layer);
  const rows = await weights.array();
  const hidden = 40 - (slidingWindows[layer] as number);
  for (const row of rows) {
    expect(row.slice(0, hidden).every((x) => x === 0)).toBe(true);
    expect(row.slice(hidden).every((x) => x > 0)).toBe(true);
  }
  for (const sum of sums(rows)) expect(sum).toBeLessThan(1);
  weights.dispose();
  runner.dispose();
  model.dispose();
});
