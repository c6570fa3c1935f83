import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { ElementDtype } from '@tfjs-attention/core/provider';
import type { Site } from '../runtime.js';
import { sizeOf } from '../tensors/port.js';
import { runCall } from './call.js';

interface Conversion {
  readonly scale: number;
  readonly dtype: ElementDtype;
  readonly decode: boolean;
}

/** float32 to int32 codes or back; kernels see bytes. */
export function convertFp8(
  site: Site,
  x: TensorInfo,
  { scale, dtype, decode }: Conversion,
): TensorInfo[] {
  const count = sizeOf(x.shape);
  return runCall(site, 'convertFp8', (call) => {
    const source = call.input(x);
    const codes = call.workspace(count);
    const target = call.output(x.shape, decode ? 'float32' : 'int32');
    if (decode) {
      codes.bytes().set(source.ints());
      site.kernels.fp8Decode(codes, target, count, scale, dtype);
    } else {
      site.kernels.fp8Encode(source, codes, count, scale, dtype);
      target.ints().set(codes.bytes());
    }
  });
}
