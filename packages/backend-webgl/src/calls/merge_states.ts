import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Device } from '../device/device.js';
import { bind, drawArea } from '../device/draw.js';
import { runCall } from './call.js';
import { coverProgram } from './programs.js';

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
  const [rows, heads, size] = inputs.outputA.shape;
  return runCall(device, 'mergeAttnStates', (call) => {
    const tensors = Object.fromEntries(
      Object.entries(inputs).map(([name, info]) => [name, call.input(info)]),
    );
    const outputs = [call.output([rows, heads, size]), call.output([rows, heads])];
    device.run('mergeAttnStates', () =>
      outputs.forEach(({ texture, width, height, size: count }, i) => {
        const flags = [
          ...(inputs.sinks ? ['FEATURE_SINKS'] : []),
          ...(i === 1 ? ['WRITES_LSE'] : []),
        ];
        bind(device.gl, coverProgram(device, 'merge_states', {}, flags), {
          tensors,
          ints: { axes: [heads, size, width, count] },
        });
        device.aimAt(texture);
        drawArea(device.gl, { x: 0, y: 0, width, height });
      }),
    );
  });
}
