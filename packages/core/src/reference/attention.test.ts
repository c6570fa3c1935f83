import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from '@jest/globals';
import { describeDense } from '../problem/dense.js';
import type { FlashAttentionOptions } from '../problem/options.js';
import { FEATURE_BITS, type Feature } from '../problem/params.js';
import { referenceAttention, type ReferenceInputs } from './attention.js';
import { FEATURES } from './features.js';

/** H = 1 with q = k = 1, so that every score is the scale, and v_j = 2^j, so that an output tells which keys it saw. */
function attend(
  queryLen: number,
  keys: number,
  options: FlashAttentionOptions,
  inputs: Partial<ReferenceInputs> = {},
  heads = 1,
) {
  const [q, k] = [tf.ones([1, queryLen, heads, 1]), tf.ones([1, keys, heads, 1])];
  const { problem } = describeDense('test', q, k, k, options);
  return referenceAttention(problem, {
    q: q.dataSync(),
    key: () => 1,
    value: (_, j) => 2 ** j,
    ...inputs,
  });
}

/** Mean of 2^j over the keys. */
const mean = (...keys: number[]) => keys.reduce((sum, j) => sum + 2 ** j, 0) / keys.length;

function expectRows(actual: Float64Array, ...rows: number[]): void {
  expect(actual).toHaveLength(rows.length);
  rows.forEach((row, i) => expect(actual[i]).toBeCloseTo(row, 12));
}

test('equal scores average the values; lse = score + ln(count)', () => {
  const { output, lse } = attend(1, 4, { softmaxScale: 0.5 });
  expectRows(output, mean(0, 1, 2, 3));
  expectRows(lse, 0.5 + Math.log(4));
});

test('causal: the last query meets the last key', () => {
  expectRows(attend(2, 4, { causal: true }).output, mean(0, 1, 2), mean(0, 1, 2, 3));
});

test('causal with offset 0: the first query meets the first key', () => {
  const { output } = attend(2, 4, { causal: true, queryOffset: 0 });
  expectRows(output, mean(0), mean(0, 1));
});

test('a negative offset leaves rows without keys: 0 and -Infinity', () => {
  const { output, lse } = attend(3, 4, { causal: true, queryOffset: -2 });
  expectRows(output, 0, 0, mean(0));
  expect(Array.from(lse.slice(0, 2))).toEqual([-Infinity, -Infinity]);
});

test('a window of 2 counts the current token', () => {
  expectRows(attend(1, 6, { causal: true, slidingWindow: 2 }).output, mean(4, 5));
  expectRows(attend(1, 6, { slidingWindow: 2, queryOffset: 3 }).output, mean(2, 3, 4));
});

test('left and right windows exclude the current token', () => {
  const { output } = attend(1, 6, { windowLeft: 2, windowRight: 1, queryOffset: 3 });
  expectRows(output, mean(1, 2, 3, 4));
});

test('a prefix escapes the window, not the causal rule', () => {
  const options = { causal: true, windowLeft: 0, rswaPrefixLen: 2 };
  expectRows(attend(1, 6, { ...options, queryOffset: 4 }).output, mean(0, 1, 4));
  expectRows(attend(1, 6, { ...options, queryOffset: 0 }).output, mean(0));
});

test('chunks: own chunk, and as many before as the lookback says', () => {
  expectRows(attend(1, 6, { chunkSize: 2, queryOffset: 3 }).output, mean(2, 3));
  const back = { chunkSize: 2, chunkLookback: 1, queryOffset: 3 };
  expectRows(attend(1, 6, back).output, mean(0, 1, 2, 3));
});

test('chunks before position 0 round down, not to zero', () => {
  const { lse } = attend(1, 6, { chunkSize: 4, queryOffset: -1 });
  expect(lse[0]).toBe(-Infinity);
});

test('soft cap comes before bias', () => {
  const bias = tf.tensor1d([5, 5]);
  const options = { softmaxScale: 3, logitsSoftCap: 2, bias };
  const { lse } = attend(1, 2, options, { bias: bias.dataSync() });
  expectRows(lse, 2 * Math.tanh(1.5) + 5 + Math.log(2));
});

test('a bias of -Infinity and a mask of false hide a key, whatever is in it', () => {
  const bias = tf.tensor1d([0, -Infinity, 0]);
  const mask = tf.tensor1d([1, 1, 0], 'bool');
  const poisoned = { key: (_: number, j: number) => (j === 0 ? 1 : NaN) };
  const inputs = { bias: bias.dataSync(), mask: mask.dataSync(), ...poisoned };
  expectRows(attend(1, 3, { bias, mask }, inputs).output, mean(0));
});

test('ALiBi falls with distance on both sides', () => {
  const { output, lse } = attend(1, 3, { alibiSlopes: [1], softmaxScale: 0, queryOffset: 1 }, { alibiSlopes: [1] });
  const [near, far] = [1, Math.exp(-1)];
  expectRows(output, (far * 1 + near * 2 + far * 4) / (near + 2 * far));
  expectRows(lse, Math.log(near + 2 * far));
}); // prettier-ignore

test('a sink takes weight and leaves lse alone', () => {
  const { output, lse } = attend(1, 2, { sinks: [0], softmaxScale: 0 }, { sinks: [0] });
  expectRows(output, (1 + 2) / 3);
  expectRows(lse, Math.log(2));
});

test('a sink does not revive a row without keys', () => {
  const { output, lse } = attend(1, 2, { sinks: [9], kvLens: Int32Array.of(0) }, { sinks: [9] });
  expectRows(output, 0);
  expect(lse[0]).toBe(-Infinity);
});

test('tree bias covers the last keys of the step alone', () => {
  const qqBias = tf.tensor2d([[0, -Infinity], [-Infinity, 0]]); // prettier-ignore
  const { output } = attend(2, 4, { qqBias }, { qqBias: qqBias.dataSync() });
  expectRows(output, mean(0, 1, 2), mean(0, 1, 3));
});

test('tree bias with fewer keys than queries starts inside the matrix', () => {
  const qqBias = tf.tensor2d([[9, 9, -Infinity], [9, 9, 0], [9, 9, 0]]); // prettier-ignore
  const { lse } = attend(3, 1, { qqBias, softmaxScale: 0 }, { qqBias: qqBias.dataSync() });
  expect(Array.from(lse)).toEqual([-Infinity, 0, 0]);
});

test('each KV head serves a run of query heads', () => {
  const q = tf.ones([1, 1, 4, 1]);
  const k = tf.ones([1, 1, 2, 1]);
  const { problem } = describeDense('test', q, k, k, {});
  const { output } = referenceAttention(problem, {
    q: q.dataSync(),
    key: () => 1,
    value: (_, __, kvHead) => kvHead + 1,
  });
  expectRows(output, 1, 1, 2, 2);
});

test('a NaN in a visible key shows', () => {
  const { output, lse } = attend(1, 3, {}, { key: (_, j) => (j === 1 ? NaN : 1) });
  expect([output[0], lse[0]]).toEqual([NaN, NaN]);
});

test('the feature table has one row a bit', () => {
  for (const [name, row] of Object.entries(FEATURES)) {
    expect(row.bit).toBe(FEATURE_BITS[name as Feature]);
    expect(typeof row.hook).toBe('function');
  }
  expect(Object.keys(FEATURES).sort()).toEqual(Object.keys(FEATURE_BITS).sort());
});
