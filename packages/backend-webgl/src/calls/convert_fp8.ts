import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { KvCacheDtype } from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';
import { bind, drawArea } from '../device/draw.js';
import { kvConstants } from '../shaders/kv_constants.js';
import { floatBits } from './cache.js';
import { runCall } from './call.js';
import { coverProgram } from './programs.js';

interface Conversion {
  readonly scale: number;
  readonly dtype: KvCacheDtype;
  readonly decode: boolean;
}

/** float32 to int32 codes or back. */
export function convertFp8(
  device: Device,
  info: TensorInfo,
  { scale, dtype, decode }: Conversion,
): TensorInfo[] {
  return runCall(device, 'convertFp8', (call) => {
    const x = call.input(info);
    const output = call.output(info.shape, decode ? 'float32' : 'int32');
    if (output.size === 0) return;
    device.run('convertFp8', () => {
      const flags = decode ? ['DECODES'] : [];
      const program = coverProgram(device, 'convert_fp8', kvConstants(dtype), flags);
      bind(device.gl, program, {
        tensors: { x },
        ints: { target: [floatBits(scale), output.width, output.size] },
      });
      device.aimAt(output.texture);
      drawArea(device.gl, { x: 0, y: 0, width: output.width, height: output.height });
    });
  });
}
