import * as tf from '@tensorflow/tfjs-core';
import type { Cell } from '../grid.js';
import type { Inputs } from '../inputs.js';
import { headMajorRow, type Peer, type Runner } from './contender.js';

/** Operands of a composition, all rank 3: q `[K, G * S, H]`, k and v `[K, S', H]`, mask `[S, S']` to be added. */
interface Operands {
  q: tf.Tensor3D;
  k: tf.Tensor3D;
  v: tf.Tensor3D;
  mask?: tf.Tensor2D;
  scale: number;
}

type Composition = (operands: Operands) => tf.Tensor3D;

/** What a tfjs user writes first: two batched products around a softmax. */
function batched({ q, k, v, mask, scale }: Operands): tf.Tensor3D {
  const scores = tf.mul(tf.matMul(q, k, false, true), scale);
  return tf.matMul<tf.Tensor3D>(tf.softmax(masked(scores, mask)), v);
}

/**
 * The fastest composition known for tfjs-wasm: rank-2 products without a transpose flag, one a KV head, because only
 * those reach its XNNPACK kernels.
 */
function perHead({ q, k, v, mask, scale }: Operands): tf.Tensor3D {
  const keys = tf.unstack(tf.transpose(k, [0, 2, 1]));
  const values = tf.unstack(v);
  const heads = tf.unstack(q).map((rows, head) => {
    const scores = tf.mul(tf.matMul(rows, keys[head]), scale);
    return tf.matMul(tf.softmax(masked(scores, mask)), values[head]);
  });
  return tf.stack(heads) as tf.Tensor3D;
}

function masked(scores: tf.Tensor, mask: tf.Tensor2D | undefined): tf.Tensor {
  if (mask === undefined) return scores;
  return tf.reshape(tf.add(tf.reshape(scores, [-1, ...mask.shape]), mask), scores.shape);
}

/** Stock tfjs ops. For decode K and V are given whole, without the concatenation that a growing cache would cost. */
export const tfjsPeers: readonly Peer[] = [
  tfjsPeer('tfjs-cpu', '', 'cpu', batched),
  tfjsPeer('tfjs-wasm', 'batched', 'wasm', batched),
  tfjsPeer('tfjs-wasm', 'per head', 'wasm', perHead, (cell) =>
    cell.group === 'decode' ? 'it repacks the whole cache in every step' : null,
  ),
  tfjsPeer('tfjs-node', '', 'tensorflow', batched),
];

function tfjsPeer(
  family: string,
  variant: string,
  tfBackend: string,
  compose: Composition,
  unfit: Peer['unfit'] = () => null,
): Peer {
  return {
    family,
    variant,
    unfit,
    prepare: (cell, inputs) => prepare(cell, inputs, tfBackend, compose),
  };
}

async function prepare(
  cell: Cell,
  inputs: Inputs,
  tfBackend: string,
  compose: Composition,
): Promise<Runner> {
  const { numHeads, numKvHeads, headSize, queryLen, seqLen } = cell;
  await tf.setBackend(tfBackend);
  const group = numHeads / numKvHeads;
  const mask = maskOf(cell);
  const operands: Operands = {
    q: tf.tensor3d(inputs.headMajor('q'), [numKvHeads, group * queryLen, headSize]),
    k: tf.tensor3d(inputs.headMajor('k'), [numKvHeads, seqLen, headSize]),
    v: tf.tensor3d(inputs.headMajor('v'), [numKvHeads, seqLen, headSize]),
    ...(mask && { mask: tf.tensor2d(mask, [queryLen, seqLen]) }),
    scale: 1 / Math.sqrt(headSize),
  };
  let output: Float32Array = new Float32Array();
  return {
    activate: async () => void (await tf.setBackend(tfBackend)),
    run: () => {
      const result = tf.tidy(() => compose(operands));
      output = result.dataSync<'float32'>();
      result.dispose();
    },
    row: (token, head) => headMajorRow(output, cell)(token, head),
    dispose: () => tf.dispose([operands.q, operands.k, operands.v, operands.mask ?? []]),
  };
}

/** 0 where a key is visible, -1e9 where it is not; nothing where all are. */
export function maskOf({
  queryLen,
  seqLen,
  causal,
  slidingWindow = Infinity,
}: Cell): Float32Array | undefined {
  if (!causal || queryLen === 1) return undefined;
  const mask = new Float32Array(queryLen * seqLen).fill(-1e9);
  for (let i = 0; i < queryLen; i++) {
    const p = seqLen - queryLen + i;
    mask.fill(0, i * seqLen + Math.max(0, p - slidingWindow + 1), i * seqLen + p + 1);
  }
  return mask;
}
