import * as tf from '@tensorflow/tfjs-core';
import type { AttentionResult } from '@tfjs-attention/core';

/** Numbers of a result. */
export interface StateValues {
  output: Float32Array;
  lse: Float32Array;
}

/** The values of a result, which is then disposed. (tf.tidy would look for tensors in every element of an array.) */
export async function readState({ output, lse }: AttentionResult): Promise<StateValues> {
  const values = {
    output: await output.data<'float32'>(),
    lse: await lse.data<'float32'>(),
  };
  tf.dispose([output, lse]);
  return values;
}
