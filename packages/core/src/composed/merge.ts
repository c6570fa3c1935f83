import * as tf from '@tensorflow/tfjs-core';
import type { AttentionKernels } from '../kernels.js';

/** Merges two attention states from stock tfjs ops: output `[T, N, Hv]`, lse `[T, N]`. */
export function composedMerge(
  inputs: AttentionKernels['TfjsAttnMergeStates']['inputs'],
): tf.Tensor[] {
  const { outputA, outputB, sinks } = inputs;
  const clean = (lse: tf.Tensor) => tf.where(tf.equal(lse, Infinity), -Infinity, lse);
  const [a, b] = [clean(inputs.lseA), clean(inputs.lseB)];
  const top = tf.maximum(a, b);
  const m = tf.where(tf.equal(top, -Infinity), 0, top);
  const weightA = tf.exp(tf.sub(a, m));
  const weightB = tf.exp(tf.sub(b, m));
  const sum = tf.add(weightA, weightB);
  const denominator = sinks ? tf.add(sum, tf.exp(tf.sub(sinks, m))) : sum;
  const share = (weight: tf.Tensor) =>
    tf.expandDims(tf.div(weight, tf.where(tf.equal(denominator, 0), 1, denominator)), -1);
  const part = (weight: tf.Tensor, output: tf.Tensor) =>
    tf.where(
      tf.broadcastTo(tf.greater(share(weight), 0), output.shape),
      tf.mul(share(weight), output),
      0,
    );
  return [tf.add(part(weightA, outputA), part(weightB, outputB)), tf.add(m, tf.log(sum))];
}
