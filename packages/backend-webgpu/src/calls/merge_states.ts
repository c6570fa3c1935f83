import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Device } from '../device/device.js';
import { runCall } from './call.js';
import { runSmall } from './flat.js';

const FIELDS = { numRows: 'i32', numHeads: 'i32', lanes: 'i32' } as const;

/** Two states `[T, N, Hv]` and `[T, N]` merged; sinks `[N]`. */
export function mergeStates(
  device: Device,
  inputs: Readonly<Record<'outputA' | 'lseA' | 'outputB' | 'lseB', TensorInfo>> & {
    readonly sinks?: TensorInfo;
  },
): TensorInfo[] {
  return runCall(device, 'mergeAttnStates', (call) => {
    const [tokens, numHeads, lanes] = inputs.outputA.shape;
    const kernel = {
      file: 'merge_states',
      fields: FIELDS,
      constants: { THREADS: 32 },
      flags: inputs.sinks ? ['FEATURE_SINKS'] : [],
    };
    const bindings = Object.fromEntries(
      Object.entries(inputs).map(([name, info]) => [name, call.input(name, info)]),
    );
    const output = call.output([tokens, numHeads, lanes]);
    const lse = call.output([tokens, numHeads]);
    const numRows = tokens * numHeads;
    runSmall(call, kernel, {
      bindings: { ...bindings, output, lse },
      values: { numRows, numHeads, lanes },
      groups: numRows,
    });
  });
}
