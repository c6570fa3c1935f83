import { getBackend, tensor, type Tensor } from '@tensorflow/tfjs-core';
import { decode } from '../kv_cache/decode.js';
import { encode } from '../kv_cache/encode.js';
import { runAttentionKernel } from '../kernels.js';
import { check, checkTensor } from '../problem/checks.js';
import { providerFor } from '../registry.js';

const OP = 'convertFp8';

export interface ConvertFp8Options {
  /** Real = code's value * scale; positive and finite. Default 1. */
  scale?: number;
  /** Default 'fp8_e4m3' (e4m3fn, largest 448); 'fp8_e5m2' reaches 57344. */
  dtype?: 'fp8_e4m3' | 'fp8_e5m2';
}

/**
 * Converts in bulk between float32 and fp8 (vLLM `convert_fp8`). A float32 tensor gives int32 codes 0-255 of the same
 * shape (nearest-even, saturating, NaN kept); an int32 tensor of codes gives float32. The input's dtype picks the way.
 *
 * ```js
 * convertFp8(tf.tensor1d([1, 500]));  // int32 [56, 126]: 500 saturates to 448
 * ```
 *
 * @throws InvalidArgumentError for another dtype or a bad scale.
 */
export function convertFp8(x: Tensor, options: ConvertFp8Options = {}): Tensor {
  const { scale = 1, dtype = 'fp8_e4m3' } = options;
  const back = x?.dtype === 'int32';
  checkTensor(x, OP, 'x', x?.rank, '[...]', back ? 'int32' : 'float32');
  check(
    dtype === 'fp8_e4m3' || dtype === 'fp8_e5m2',
    OP,
    `dtype must be 'fp8_e4m3' or 'fp8_e5m2', got '${String(dtype)}'`,
  );
  check(
    Math.fround(scale) > 0 && Number.isFinite(Math.fround(scale)),
    OP,
    `scale must be positive and finite in float32, got ${scale}`,
  );
  if (providerFor(getBackend()) !== undefined) {
    return runAttentionKernel('TfjsAttnConvertFp8', { x }, { scale, dtype, decode: back })[0];
  }
  const factor = Math.fround(scale);
  const values = x.dataSync();
  return back
    ? tensor(
        Float32Array.from(values, (code) => decode(dtype, code) * factor),
        x.shape,
      )
    : tensor(
        Int32Array.from(values, (value) => encode(dtype, Math.fround(value / factor))),
        x.shape,
        'int32',
      );
}
