import * as tf from '@tensorflow/tfjs-core';
import { flashAttention, mergeAttnStates, UnsupportedError } from '@tfjs-attention/core';
import { canTrain } from '@tfjs-attention/core/provider';
import { assert, assertSame, assertThrows, assertWithin } from '../assert.js';
import { makeDense, type DenseCase } from '../dense_case.js';
import { inScope } from '../in_scope.js';
import type { Spec } from '../subject.js';
import { trainingImplementation } from './implementation.js';

const CASE: DenseCase = {
  name: 'a tape',
  queryLen: 20,
  keys: 20,
  heads: [4, 2],
  features: { causal: true, sinks: true },
};

/** How the ops live with tfjs's gradient tape. */
export const tapeSpecs: readonly Spec[] = [
  {
    name: 'gradients of mergeAttnStates',
    run: () =>
      inScope(async () => {
        const draw = (shape: number[], seed: number) =>
          tf.randomNormal(shape, 0, 1, 'float32', seed);
        const [a, b] = [draw([3, 2, 4], 1), draw([3, 2, 4], 2)];
        const [lseA, lseB] = [draw([3, 2], 3), draw([3, 2], 4)];
        const merged = (output: tf.Tensor) =>
          mergeAttnStates({ output, lse: lseA }, { output: b, lse: lseB }).output;
        const gradient = tf.grad((x: tf.Tensor) => tf.sum(merged(x)))(a);
        const share = tf.expandDims(tf.sigmoid(tf.sub(lseA, lseB)), -1);
        const expected = await tf.broadcastTo(share, a.shape).data();
        assertWithin('d/da', await gradient.data(), expected, 1e-4);
      }),
  },
  {
    name: 'the fused backward kernel serves, or an explicit FUSED says that there is none',
    fusedOnly: true,
    run: async ({ tfBackend }) => {
      const before = tf.memory().numTensors;
      const gradient = () =>
        tf.tidy(() => {
          const { q, k, v, options } = makeDense(CASE);
          const fused = { ...options, implementation: 'FUSED', returnLse: false } as const;
          tf.grad((x) => flashAttention(x, k, v, fused))(q);
        });
      if (canTrain(tfBackend)) {
        const { kernelNames } = await tf.profile(gradient);
        assert(kernelNames.includes('TfjsAttnBackward'), `ran: ${kernelNames.join(', ')}`);
      } else {
        await assertThrows(gradient, UnsupportedError, /FUSED/, /gradient/);
      }
      assert(tf.memory().numTensors === before, 'tensors leaked');
    },
  },
  {
    name: 'automatic choice gives the gradients that were asked for by name',
    run: (subject) =>
      inScope(async () => {
        const { q, k, v, options } = makeDense(CASE);
        const gradient = (implementation: 'auto' | 'FUSED' | 'COMPOSED') =>
          tf.grad((x) => flashAttention(q, x, v, { ...options, implementation, returnLse: false }))(
            k,
          );
        const named = trainingImplementation(subject);
        if (named === 'COMPOSED') return;
        assertSame('d/dk', await gradient('auto').data(), await gradient(named).data());
      }),
  },
  {
    name: 'gradients of gradients come from stock ops; an explicit FUSED throws',
    run: async (subject) => {
      const twice = (implementation: 'auto' | 'FUSED') =>
        tf.tidy(() => {
          const { q, k, v, options } = makeDense({ ...CASE, queryLen: 2, keys: 3 });
          const loss = (x: tf.Tensor) =>
            tf.sum(flashAttention(x, k, v, { ...options, implementation, returnLse: false }));
          const slope = (x: tf.Tensor) => tf.sum(tf.square(tf.grad(loss)(x)));
          return tf.grad(slope)(q);
        });
      const found = twice('auto');
      assert((await found.data()).every(Number.isFinite), 'not finite');
      found.dispose();
      if (trainingImplementation(subject) === 'FUSED') {
        await assertThrows(() => twice('FUSED'), UnsupportedError, /inside another/);
      }
    },
  },
  {
    name: 'a step of an optimizer leaves nothing behind',
    run: async (subject) => {
      const implementation = trainingImplementation(subject);
      const { q, k, v, options } = makeDense(CASE);
      const weight = tf.variable(q);
      const optimizer = tf.train.sgd(0.1);
      const step = async () => {
        const cost = optimizer.minimize(
          () =>
            tf.sum<tf.Scalar>(
              flashAttention(weight, k, v, { ...options, implementation, returnLse: false }),
            ),
          true,
        );
        const [value] = await (cost as tf.Scalar).data();
        cost?.dispose();
        return value;
      };
      const first = await step();
      const before = tf.memory().numTensors;
      const second = await step();
      assert(second < first, `the loss rose from ${first} to ${second}`);
      assert(tf.memory().numTensors === before, 'tensors leaked');
      optimizer.dispose();
      tf.dispose([weight, q, k, v]);
    },
  },
];
