import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Site } from '../runtime.js';
import { runCall } from './call.js';

/** Two states `[T, N, Hv]` and `[T, N]` merged; sinks `[N]`. */
export function mergeStates(
  site: Site,
  inputs: {
    readonly outputA: TensorInfo;
    readonly lseA: TensorInfo;
    readonly outputB: TensorInfo;
    readonly lseB: TensorInfo;
    readonly sinks?: TensorInfo;
  },
): TensorInfo[] {
  const [rows, heads, size] = inputs.outputA.shape;
  return runCall(site, 'mergeAttnStates', (call) =>
    site.kernels.mergeStates(
      {
        outputA: call.input(inputs.outputA),
        lseA: call.input(inputs.lseA),
        outputB: call.input(inputs.outputB),
        lseB: call.input(inputs.lseB),
        ...(inputs.sinks && { sinks: call.input(inputs.sinks) }),
        output: call.output([rows, heads, size]),
        lse: call.output([rows, heads]),
      },
      rows,
      heads,
      size,
    ),
  );
}
