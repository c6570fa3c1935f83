import { flashAttention, type FlashAttentionOptions } from '@tfjs-attention/core';
import * as tf from '@tensorflow/tfjs-core';
import { makeInputs } from '../inputs.js';
import { maskOf } from '../contenders/tfjs_composed.js';
import type { Cell } from '../grid.js';

/** A training step's part in attention: the gradients of q, k and v, where the output's are given. */
export interface Step {
  readonly name: string;
  /** Ends with the gradients in host memory. */
  run: () => void;
  /** dq of the last run, `[S, N, H]`. */
  gradient: () => Float32Array;
  /** Bytes of tensors that a run holds at most, beyond its operands. */
  peakBytes: () => Promise<number>;
}

/** Ours, and what a tfjs user writes first (two products around a softmax) and last (one head at a time). */
export function steps(cell: Cell): Step[] {
  const { numHeads, numKvHeads, headSize, queryLen, seqLen, causal } = cell;
  const { q, k, v } = makeInputs(cell);
  const shape = (tokens: number, heads: number) => [1, tokens, heads, headSize];
  const operands = [
    tf.tensor(q, shape(queryLen, numHeads)),
    tf.tensor(k, shape(seqLen, numKvHeads)),
    tf.tensor(v, shape(seqLen, numKvHeads)),
  ];
  const dout = tf.tensor(makeInputs({ ...cell, seqLen: 2 * seqLen }).k.slice(0, q.length), shape(queryLen, numHeads)); // prettier-ignore
  const allowed = maskOf(cell);
  const mask = allowed && tf.tensor2d(allowed, [queryLen, seqLen]);
  const ours =
    (implementation: FlashAttentionOptions['implementation']) =>
    (...x: tf.Tensor[]) =>
      flashAttention(x[0], x[1], x[2], { causal, implementation });
  const stock =
    (compose: Compose) =>
    (...x: tf.Tensor[]) =>
      stockAttention(x, cell, mask, compose);
  return [
    step('ours', ours('FUSED'), operands, dout),
    step('composed ops of this library', ours('COMPOSED'), operands, dout),
    step('tfjs, all heads at once', stock(batched), operands, dout),
    step('tfjs, head by head', stock(perHead), operands, dout),
  ];
}

function step(
  name: string,
  attend: (...operands: tf.Tensor[]) => tf.Tensor,
  operands: tf.Tensor[],
  dout: tf.Tensor,
): Step {
  let dq = new Float32Array();
  const gradients = tf.grads((...x) => attend(...x));
  const run = () =>
    tf.tidy(() => {
      const [first, ...rest] = gradients(operands, dout);
      rest.forEach((x) => x.dataSync());
      dq = first.dataSync() as Float32Array<ArrayBuffer>;
    });
  return {
    name,
    run,
    gradient: () => dq,
    peakBytes: async () => {
      const before = tf.memory().numBytes;
      const { peakBytes } = await tf.profile(run);
      return peakBytes - before;
    },
  };
}

/** q `[K, G * S, H]`, k and v `[K, S', H]`, mask to be added `[S, S']`. */
type Compose = (q: tf.Tensor3D, k: tf.Tensor3D, v: tf.Tensor3D, softmax: Softmax) => tf.Tensor;
type Softmax = (scores: tf.Tensor) => tf.Tensor;

const batched: Compose = (q, k, v, softmax) => tf.matMul(softmax(tf.matMul(q, k, false, true)), v);

const perHead: Compose = (q, k, v, softmax) => {
  const keys = tf.unstack(tf.transpose(k, [0, 2, 1]));
  const values = tf.unstack(v);
  return tf.stack(
    tf.unstack(q).map((rows, i) => tf.matMul(softmax(tf.matMul(rows, keys[i])), values[i])),
  );
};

function stockAttention(
  [q, k, v]: tf.Tensor[],
  { numHeads, numKvHeads, headSize, queryLen, seqLen }: Cell,
  mask: tf.Tensor2D | undefined,
  compose: Compose,
): tf.Tensor {
  const group = numHeads / numKvHeads;
  const heads = (x: tf.Tensor) => tf.transpose(x, [0, 2, 1, 3]);
  const packed = (x: tf.Tensor, rows: number): tf.Tensor3D =>
    tf.reshape(heads(x), [numKvHeads, rows, headSize]);
  const softmax = (scores: tf.Tensor) => {
    const scaled = tf.mul(scores, 1 / Math.sqrt(headSize));
    const rows = tf.reshape(scaled, [-1, queryLen, seqLen]);
    return tf.reshape(tf.softmax(mask ? tf.add(rows, mask) : rows), scores.shape);
  };
  const out = compose(packed(q, group * queryLen), packed(k, seqLen), packed(v, seqLen), softmax);
  return heads(tf.reshape(out, [1, numHeads, queryLen, headSize]));
}
