import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Region } from '../heap/region.js';

/** A tensor in the making: kernels fill `region`, then `info()` makes it a tensor, or `discard()` drops it. */
export interface Output {
  readonly region: Region;
  info(): TensorInfo;
  discard(): void;
}

export type OutputType = 'float32' | 'int32';

/** The way of tensors into kernels and out of them. */
export interface TensorPort {
  /** The tensor's bytes where kernels can read them: its own, or a copy that lives until the call ends. */
  input(info: TensorInfo): Region;
  /** @throws CapacityError */
  output(shape: readonly number[], dtype: OutputType): Output;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, axis) => product * axis, 1);
}
