import { fused, matMul, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core';

/** A dense projection: x * matrix + bias, matrix `[in, out]` as `tf.matMul` likes it best. */
export interface Projection {
  matrix: Tensor2D;
  bias?: Tensor1D;
}

export function project(x: Tensor2D, { matrix, bias }: Projection): Tensor2D {
  return bias ? (fused.matMul({ a: x, b: matrix, bias }) as Tensor2D) : matMul(x, matrix);
}
