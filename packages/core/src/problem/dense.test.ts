import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from '@jest/globals';
import { describeDense } from './dense.js';
import type { FlashAttentionOptions } from './options.js';

/** B = 2, 3 queries, 5 keys, N = 4, K = 2, H = 8, Hv = 6. */
function describeCall(options: FlashAttentionOptions) {
  const isHeadsFirst = options.layout === 'bnsh';
  const shape = (tokens: number, heads: number, size: number) =>
    isHeadsFirst ? [2, heads, tokens, size] : [2, tokens, heads, size];
  const [q, k, v] = [shape(3, 4, 8), shape(5, 2, 8), shape(5, 2, 6)].map((x) => tf.zeros(x));
  return describeDense('op', q, k, v, options);
}

test('both layouts are the same problem with other strides', () => {
  const { problem: tokensFirst } = describeCall({});
  const { problem: headsFirst } = describeCall({ layout: 'bnsh' });
  expect(tokensFirst.outputShape).toEqual([2, 3, 4, 6]);
  expect(headsFirst.outputShape).toEqual([2, 4, 3, 6]);
  expect(headsFirst.lseShape).toEqual([2, 4, 3]);
  expect(tokensFirst.params).toMatchObject({
    kStrideBatch: 5 * 2 * 8, kStrideToken: 2 * 8, kStrideHead: 8,
    outStrideToken: 4 * 6, outStrideHead: 6, lseStrideToken: 4, lseStrideHead: 1,
  }); // prettier-ignore
  expect(headsFirst.params).toMatchObject({
    kStrideBatch: 5 * 2 * 8, kStrideToken: 8, kStrideHead: 5 * 8,
    outStrideToken: 6, outStrideHead: 3 * 6, lseStrideToken: 1, lseStrideHead: 3,
  }); // prettier-ignore
  expect(headsFirst.spec.kv).toEqual({ kind: 'dense', order: 'bnsh' });
});

test('by default the last query meets the last key of its sequence', () => {
  const { problem } = describeCall({ kvLens: Int32Array.of(5, 1) });
  expect(Array.from(problem.ints.queryOffsets)).toEqual([2, -2]);
  expect(Array.from(problem.ints.seqLens)).toEqual([5, 1]);
});

test('one offset serves every sequence', () => {
  const { problem } = describeCall({ queryOffset: -7 });
  expect(Array.from(problem.ints.queryOffsets)).toEqual([-7, -7]);
});

test('the scale defaults to 1 / sqrt(H)', () => {
  expect(describeCall({}).problem.params.softmaxScale).toBeCloseTo(1 / Math.sqrt(8), 7);
  expect(describeCall({ softmaxScale: 0 }).problem.params.softmaxScale).toBe(0);
});

test('lengths given by the caller are copied', () => {
  const kvLens = Int32Array.of(5, 4);
  const { problem } = describeCall({ kvLens });
  kvLens[0] = 1;
  expect(problem.ints.seqLens[0]).toBe(5);
});

test.each([
  [[2, 4, 3, 5], [60, 15, 5, 1]],
  [[2, 1, 3, 5], [15, 0, 5, 1]],
  [[4, 1, 5], [0, 5, 0, 1]],
  [[3, 5], [0, 0, 5, 1]],
  [[3, 1], [0, 0, 1, 0]],
  [[1], [0, 0, 0, 0]],
  [[5], [0, 0, 0, 1]],
])('a bias %j is read with strides %j', (shape, strides) => {
  const { params } = describeCall({ bias: tf.zeros(shape) }).problem;
  const { biasStrideBatch, biasStrideHead, biasStrideToken, biasStrideKey } = params;
  expect([biasStrideBatch, biasStrideHead, biasStrideToken, biasStrideKey]).toEqual(strides);
}); // prettier-ignore

test('absent operands have no key, present ones are features', () => {
  const { problem, tensors } = describeCall({ sinks: [1, 2, 3, 4], logitsSoftCap: 2 });
  expect(Object.keys(tensors).sort()).toEqual(['k', 'q', 'sinks', 'v']);
  expect(problem.spec.features).toEqual(['sinks', 'softcap']);
});
