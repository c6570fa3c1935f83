import type { TensorInfo } from '@tensorflow/tfjs-core';
import { KV_CACHE_DTYPES, type KvCacheDtype } from '@tfjs-attention/core/provider';
import type { Device } from '../tensorflow/device.js';

interface Conversion {
  readonly scale: number;
  readonly dtype: KvCacheDtype;
  readonly decode: boolean;
}

/** float32 to int32 codes or back. */
export function convertFp8(
  device: Device,
  x: TensorInfo,
  { scale, dtype, decode }: Conversion,
): TensorInfo[] {
  const name = decode ? 'TfjsAttnDecodeFp8' : 'TfjsAttnEncodeFp8';
  return device.withFloats(Float32Array.of(scale), (scaleId) =>
    device.withInts(Int32Array.of(KV_CACHE_DTYPES.indexOf(dtype)), (dtypeId) =>
      device.run('convertFp8', name, [device.idOf(x), scaleId, dtypeId], 1),
    ),
  );
}
