import * as tf from '@tensorflow/tfjs-core';
import { flashAttention, type FlashAttentionOptions } from '@tfjs-attention/core';
import { describeDense, referenceAttention } from '@tfjs-attention/core/reference';
import { assertWithin } from '../assert.js';
import { makeDense, type DenseCase } from '../dense_case.js';
import { inScope } from '../in_scope.js';
import type { Spec } from '../subject.js';
import { trainingImplementation } from './implementation.js';

const STEP = 2 ** -10;

const CASES: readonly DenseCase[] = [
  { name: 'gradients of causal grouped heads', queryLen: 3, keys: 4, heads: [4, 2], size: [3, 2], features: { causal: true } },
  { name: 'gradients with soft cap and scale', queryLen: 2, keys: 3, size: [3, 3], layout: 'bnsh', features: { logitsSoftCap: 2, softmaxScale: 0.8 } },
  { name: 'gradients with sinks, ALiBi and mask', queryLen: 2, keys: 4, size: [2, 3], kvLens: [3], features: { sinks: true, alibi: true, mask: 'NTS' } },
]; // prettier-ignore

/** d/dx sum(weights * output) by central differences of the float64 oracle. */
function differences(c: DenseCase, name: 'q' | 'k' | 'v', weights: ArrayLike<number>): number[] {
  return tf.tidy(() => {
    const data = makeDense(c);
    const { problem } = describeDense('gradients', data.q, data.k, data.v, data.options);
    const values = { q: data.q.dataSync(), k: data.k.dataSync(), v: data.v.dataSync() };
    const { params } = problem;
    const loss = (at: number, by: number) => {
      const moved = (x: 'q' | 'k' | 'v') =>
        Float64Array.from(values[x], (value, i) => (x === name && i === at ? value + by : value));
      const [q, k, v] = [moved('q'), moved('k'), moved('v')];
      const { output } = referenceAttention(problem, {
        ...data.inputs,
        q,
        key: (b, j, head, lane) =>
          k[b * params.kStrideBatch + j * params.kStrideToken + head * params.kStrideHead + lane],
        value: (b, j, head, lane) =>
          v[b * params.vStrideBatch + j * params.vStrideToken + head * params.vStrideHead + lane],
      });
      return output.reduce((sum, value, i) => sum + value * weights[i], 0);
    };
    return Array.from(values[name], (_, at) => (loss(at, STEP) - loss(at, -STEP)) / (2 * STEP));
  });
}

function tape(c: DenseCase, options: FlashAttentionOptions) {
  const { q, k, v, options: made } = makeDense(c);
  const output = flashAttention(q, k, v, { ...made, returnLse: false });
  const weights = tf.linspace(-1, 1, output.size);
  const loss = (...[x, y, z]: tf.Tensor[]) => {
    const out = flashAttention(x, y, z, { ...made, ...options, returnLse: false });
    return tf.sum<tf.Scalar>(tf.mul(tf.reshape(out, [-1]), weights));
  };
  return { inputs: [q, k, v], weights, gradients: tf.grads(loss) };
}

/** Central differences err by the third derivative times STEP^2, and the tape computes in float32. */
const TOLERANCE = 1e-4;

/** Gradients beside central differences of the oracle, which knows nothing of the backward pass. */
export const differenceSpecs: readonly Spec[] = CASES.map((c): Spec => ({
  name: c.name,
  run: (subject) =>
    inScope(async () => {
      const implementation = trainingImplementation(subject);
      const { inputs, weights, gradients } = tape(c, { implementation });
      const names = ['q', 'k', 'v'] as const;
      for (const [i, gradient] of gradients(inputs).entries()) {
        const expected = differences(c, names[i], await weights.data());
        assertWithin(`d/d${names[i]}`, await gradient.data(), expected, TOLERANCE);
      }
    }),
}));
