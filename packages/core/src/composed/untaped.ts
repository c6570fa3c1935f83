import * as tf from '@tensorflow/tfjs-core';

/** A function of one tensor whose result the gradient tape takes for a constant: tfjs's comparisons have no gradient. */
export function untaped(compute: (x: tf.Tensor) => tf.Tensor): (x: tf.Tensor) => tf.Tensor {
  return tf.customGrad((x) => ({
    value: compute(x as tf.Tensor),
    gradFunc: () => tf.zeros((x as tf.Tensor).shape),
  }));
}
