import * as tf from '@tensorflow/tfjs-core';
import { headMajorRow } from '../contenders/contender.js';
import { maskOf } from '../contenders/tfjs_composed.js';
import type { Cell } from '../grid.js';
import type { Inputs } from '../inputs.js';
import type { Chain } from './chain.js';

/** All rank 3: k and v `[K, S', H]`, keys transposed `[K, H, S']`, mask `[S, S']` to be added. */
interface Operands {
  k: tf.Tensor3D;
  transposed: tf.Tensor3D;
  v: tf.Tensor3D;
  mask?: tf.Tensor2D;
  scale: number;
}

type Composition = (q: tf.Tensor, operands: Operands) => tf.Tensor;

/** Ways of stock tfjs ops; each is verified, and the fastest counts. K, V and the mask are given as suits them. */
const COMPOSITIONS: Readonly<Record<string, Composition>> = {
  /** What a tfjs user writes first. */
  stock: (q, { k, v, mask, scale }) => {
    const scores = tf.mul(tf.matMul(q, k, false, true), scale);
    return tf.matMul(tf.softmax(masked(scores, mask)), v);
  },
  /** The query is scaled, which is smaller than the scores. */
  'scaled q': (q, { k, v, mask, scale }) => {
    const scores = tf.matMul(tf.mul(q, scale), k, false, true);
    return tf.matMul(tf.softmax(masked(scores, mask)), v);
  },
  /** The same on keys that were transposed outside the clock. */
  'scaled q, transposed k': (q, { transposed, v, mask, scale }) => {
    const scores = tf.matMul(tf.mul(q, scale), transposed);
    return tf.matMul(tf.softmax(masked(scores, mask)), v);
  },
};

function masked(scores: tf.Tensor, mask: tf.Tensor2D | undefined): tf.Tensor {
  if (mask === undefined) return scores;
  return tf.reshape(tf.add(tf.reshape(scores, [-1, ...mask.shape]), mask), scores.shape);
}

/** Scores beyond this lose the context of some drivers. */
const MOST_SCORE_BYTES = 2 ** 31;

/** Why stock ops cannot do a cell, or null. */
export function unfitForStock({ numHeads, queryLen, seqLen }: Cell): string | null {
  const bytes = 4 * numHeads * queryLen * seqLen;
  return bytes <= MOST_SCORE_BYTES ? null : `its scores take ${(bytes / 1e9).toFixed(1)} GB`;
}

/** Every composition over the same operands. */
export function stockChains(cell: Cell, inputs: Inputs): { chains: Chain[]; dispose: () => void } {
  const { numHeads, numKvHeads, headSize, queryLen, seqLen } = cell;
  const group = numHeads / numKvHeads;
  const mask = maskOf(cell);
  const query = tf.tensor3d(inputs.headMajor('q'), [numKvHeads, group * queryLen, headSize]);
  const k = tf.tensor3d(inputs.headMajor('k'), [numKvHeads, seqLen, headSize]);
  const operands: Operands = {
    k,
    transposed: tf.transpose(k, [0, 2, 1]),
    v: tf.tensor3d(inputs.headMajor('v'), [numKvHeads, seqLen, headSize]),
    ...(mask && { mask: tf.tensor2d(mask, [queryLen, seqLen]) }),
    scale: 1 / Math.sqrt(headSize),
  };
  const chains = Object.entries(COMPOSITIONS).map(([name, compose]) => ({
    name,
    query,
    step: (q: tf.Tensor) => compose(q, operands),
    row: (output: Float32Array, token: number, head: number) =>
      headMajorRow(output, cell)(token, head),
    dispose: () => undefined,
  }));
  const { transposed, v } = operands;
  return { chains, dispose: () => tf.dispose([query, k, transposed, v, operands.mask ?? []]) };
}
