import '@tensorflow/tfjs-backend-cpu';
import { zeros } from '@tensorflow/tfjs-core';
import { expect, test } from '@jest/globals';
import { describeDense } from './dense.js';
import { ATTENTION_PARAMS } from './params.js';

test('parameters stand in the order of their table, which is the order that structs are written in', () => {
  const x = zeros([1, 2, 1, 3]);
  const { params } = describeDense('op', x, x, x, { causal: true }).problem;
  expect(Object.keys(params)).toEqual(Object.keys(ATTENTION_PARAMS));
});

test('strides follow the layout', () => {
  const [q, kv] = [zeros([2, 5, 4, 8]), zeros([2, 7, 2, 8])];
  const { params } = describeDense('op', q, kv, kv, {}).problem;
  expect(params).toMatchObject({ qStrideBatch: 160, qStrideToken: 32, qStrideHead: 8 });
  expect(params).toMatchObject({ kStrideBatch: 112, kStrideToken: 16, kStrideHead: 8 });
  expect(params).toMatchObject({ lseStrideBatch: 20, lseStrideToken: 4, lseStrideHead: 1 });
});
