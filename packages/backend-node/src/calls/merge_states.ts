import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Device } from '../tensorflow/device.js';

/** Two states `[T, N, Hv]` and `[T, N]` merged; sinks `[N]`. */
export function mergeStates(
  device: Device,
  inputs: {
    readonly outputA: TensorInfo;
    readonly lseA: TensorInfo;
    readonly outputB: TensorInfo;
    readonly lseB: TensorInfo;
    readonly sinks?: TensorInfo;
  },
): TensorInfo[] {
  const { outputA, lseA, outputB, lseB, sinks } = inputs;
  const operands = [outputA, lseA, outputB, lseB, sinks].map((info) => device.operand(info));
  return device.run('mergeAttnStates', 'TfjsAttnMergeStates', operands, 2);
}
