import { add, matMul, reshape, type Tensor } from '@tensorflow/tfjs-core';
import type { LayerVariable } from '@tensorflow/tfjs-layers';

/** A dense layer over the last `inputAxes` axes whose output may have several axes, as Keras's EinsumDense. */
export interface Projection {
  /** `[...input axes, ...output axes]` */
  kernel: LayerVariable;
  /** `[...output axes]` */
  bias: LayerVariable | null;
  inputAxes: number;
}

/** `[*, ...input axes]` → `[*, ...output axes]`, as one matrix product. */
export function project({ kernel, bias, inputAxes }: Projection, x: Tensor): Tensor {
  const outputs = kernel.shape.slice(inputAxes) as number[];
  const leading = x.shape.slice(0, x.rank - inputAxes);
  const width = size(kernel.shape.slice(0, inputAxes) as number[]);
  const matrix = reshape(kernel.read(), [width, size(outputs)]);
  const product = matMul(reshape(x, [-1, width]), matrix);
  const biased = bias === null ? product : add(product, reshape(bias.read(), [size(outputs)]));
  return reshape(biased, [...leading, ...outputs]);
}

export function size(axes: readonly number[]): number {
  return axes.reduce((product, axis) => product * axis, 1);
}
