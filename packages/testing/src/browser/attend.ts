import * as tf from '@tensorflow/tfjs-core';
import { flashAttention, type Implementation } from '@tfjs-attention/core';

/** One small causal attention with grouped heads, on the active tfjs backend; the inputs are always the same. */
export async function attend(implementation: Implementation): Promise<number[]> {
  const [q, k, v] = [4, 2, 2].map((heads, seed) =>
    tf.randomNormal([1, 33, heads, 16], 0, 1, 'float32', seed + 1),
  ) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
  const out = tf.tidy(() => flashAttention(q, k, v, { causal: true, implementation }));
  const values = Array.from(await out.data());
  tf.dispose([q, k, v, out]);
  return values;
}
