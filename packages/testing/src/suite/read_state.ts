import * as tf from '@tensorflow/tfjs-core';
import type { AttentionResult } from '@tfjs-attention/core';

/** The values of a result, which is then disposed. (tf.tidy would look for tensors in every element of an array.) */
export function readState({ output, lse }: AttentionResult): {
  output: Float32Array;
  lse: Float32Array;
} {
  const values = {
    output: output.dataSync() as Float32Array,
    lse: lse.dataSync() as Float32Array,
  };
  tf.dispose([output, lse]);
  return values;
}
