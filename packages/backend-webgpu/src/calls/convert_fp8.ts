import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { AttentionKernels } from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';
import { kvFlag, kvQuads } from '../shaders/kv_types.js';
import { runCall } from './call.js';
import { runSmall } from './flat.js';

const FIELDS = { count: 'i32', scale: 'u32' } as const;
const THREADS = 64;

/** float32 to fp8 codes (int32) or back. */
export function convertFp8(
  device: Device,
  x: TensorInfo,
  { scale, dtype, decode }: AttentionKernels['TfjsAttnConvertFp8']['attrs'],
): TensorInfo[] {
  return runCall(device, 'convertFp8', (call) => {
    const count = x.shape.reduce((size, axis) => size * axis, 1);
    const kernel = {
      file: 'convert_fp8',
      fields: FIELDS,
      constants: { THREADS, KV_QUADS: kvQuads(dtype) },
      flags: [kvFlag(dtype), ...(decode ? ['DECODES'] : [])],
    };
    const source = call.input('x', x);
    const output = call.output(x.shape, decode ? 'float32' : 'int32');
    if (count === 0) return;
    runSmall(call, kernel, {
      bindings: { source, output },
      values: { count, scale: new Uint32Array(Float32Array.of(scale).buffer)[0] },
      groups: Math.ceil(count / THREADS),
    });
  });
}
