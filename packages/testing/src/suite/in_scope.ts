import * as tf from '@tensorflow/tfjs-core';
import type { HostKvBlocks } from '@tfjs-attention/core';

/** `tf.tidy` for bodies that wait: some backends cannot read a tensor synchronously. One at a time. */
export async function inScope<T>(body: () => Promise<T>): Promise<T> {
  const engine = tf.engine();
  engine.startScope();
  try {
    return await body();
  } finally {
    engine.endScope();
  }
}

/** Writes keys and values, wherever they lie, into a cache's twin in host memory. */
export async function writeTwin(
  twin: HostKvBlocks,
  k: tf.Tensor3D,
  v: tf.Tensor3D,
  slots: Int32Array,
): Promise<void> {
  const [keys, values] = [await k.data(), await v.data()];
  tf.tidy(() => {
    twin.storage.write(tf.tensor(keys, k.shape), tf.tensor(values, v.shape), slots);
  });
}
