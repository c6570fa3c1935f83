import * as tf from '@tensorflow/tfjs-core';
import type { AttentionKernels } from '../kernels.js';
import { untaped } from './untaped.js';

const isUnbounded = untaped((lse) => tf.equal(lse, Infinity));
const isZero = untaped((x) => tf.cast(tf.equal(x, 0), 'float32'));
const isPositive = untaped((x) => tf.greater(x, 0));
const finiteOrZero = untaped((x) => tf.where(tf.equal(x, -Infinity), 0, x));

/** Merges two attention states from stock tfjs ops: output `[T, N, Hv]`, lse `[T, N]`. */
export function composedMerge(
  inputs: AttentionKernels['TfjsAttnMergeStates']['inputs'],
): tf.Tensor[] {
  const { outputA, outputB, sinks } = inputs;
  const clean = (lse: tf.Tensor) => tf.where(isUnbounded(lse), -Infinity, lse);
  const [a, b] = [clean(inputs.lseA), clean(inputs.lseB)];
  const m = finiteOrZero(tf.maximum(a, b));
  const weightA = tf.exp(tf.sub(a, m));
  const weightB = tf.exp(tf.sub(b, m));
  const sum = tf.add(weightA, weightB);
  const denominator = sinks ? tf.add(sum, tf.exp(tf.sub(sinks, m))) : sum;
  const share = (weight: tf.Tensor) =>
    tf.expandDims(tf.div(weight, tf.add(denominator, isZero(denominator))), -1);
  const part = (weight: tf.Tensor, output: tf.Tensor) =>
    tf.where(
      tf.broadcastTo(isPositive(share(weight)), output.shape),
      tf.mul(share(weight), output),
      0,
    );
  return [tf.add(part(weightA, outputA), part(weightB, outputB)), tf.add(m, tf.log(sum))];
}
