import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from '@jest/globals';
import { describeDense } from '../problem/dense.js';
import { referenceAttention } from '../reference/index.js';
import { flashAttention } from './flash_attention.js';

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend('cpu');
});

function expectClose(actual: tf.Tensor, wanted: Float64Array) {
  actual.dataSync().forEach((value, i) => {
    if (wanted[i] === -Infinity) expect(value).toBe(-Infinity);
    else expect(Math.abs(value - wanted[i])).toBeLessThan(1e-5);
  });
}

test('composed ops agree with the oracle, rows without keys included', () => {
  const q = tf.randomNormal([2, 3, 4, 5], 0, 1, 'float32', 1);
  const k = tf.randomNormal([2, 6, 2, 5], 0, 1, 'float32', 2);
  const v = tf.randomNormal([2, 6, 2, 7], 0, 1, 'float32', 3);
  const options = {
    causal: true,
    slidingWindow: 2,
    logitsSoftCap: 3,
    alibiSlopes: [0.5, 0.25, 0.1, 0],
    sinks: [0, 1, 2, -1],
    kvLens: Int32Array.of(6, 2),
    queryOffset: Int32Array.of(-1, 3),
  };
  const { problem } = describeDense('test', q, k, v, options);
  const at = (x: tf.Tensor) => {
    const data = x.dataSync();
    const [, tokens, heads, size] = x.shape as [number, number, number, number];
    return (b: number, j: number, head: number, lane: number) =>
      data[((b * tokens + j) * heads + head) * size + lane];
  };
  const oracle = referenceAttention(problem, {
    q: q.dataSync(),
    key: at(k),
    value: at(v),
    alibiSlopes: options.alibiSlopes,
    sinks: options.sinks,
  });
  const { output, lse } = flashAttention(q, k, v, { ...options, returnLse: true });
  expect(output.shape).toEqual([2, 3, 4, 7]);
  expectClose(output, oracle.output);
  expect(Array.from(lse.dataSync()).filter((x) => x === -Infinity)).toHaveLength(4 + 12);
  expectClose(lse, oracle.lse);
});
