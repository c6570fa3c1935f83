import * as tf from '@tensorflow/tfjs-core';

/**
 * x `[R, I]` times matrix `[I, O]`. Its gradients are products of transposed copies: tfjs's own ask for products with a
 * transpose flag, which take tfjs-wasm many times as long.
 */
export function product(x: tf.Tensor2D, matrix: tf.Tensor2D): tf.Tensor2D {
  return multiply(x, matrix);
}

const multiply = tf.customGrad((...args) => {
  const [x, matrix, save] = args as [tf.Tensor2D, tf.Tensor2D, tf.GradSaveFunc];
  save([x, matrix]);
  return {
    value: tf.matMul(x, matrix),
    gradFunc: (dy: tf.Tensor2D, [left, right]: tf.Tensor[]) => [
      tf.matMul(dy, tf.transpose(right)),
      tf.matMul(tf.transpose(left), dy),
    ],
  };
}) as (x: tf.Tensor2D, matrix: tf.Tensor2D) => tf.Tensor2D;
