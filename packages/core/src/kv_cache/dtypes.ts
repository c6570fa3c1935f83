import type { KvCacheDtype } from '../problem/params.js';

/** Bytes of one stored element. */
export function bytesPerElement(dtype: KvCacheDtype): 1 | 2 | 4 {
  switch (dtype) {
    case 'float32':
      return 4;
    case 'float16':
    case 'bfloat16':
      return 2;
    case 'fp8_e4m3':
    case 'fp8_e5m2':
    case 'int8':
    case 'int8_per_token_head':
    case 'fp8_per_token_head':
      return 1;
    default:
      return dtype satisfies never;
  }
}

/** Whether every token and KV head has a scale of its own, computed when it is written. */
export function hasTokenScales(dtype: KvCacheDtype): boolean {
  return dtype === 'int8_per_token_head' || dtype === 'fp8_per_token_head';
}

/** Largest magnitude that a scaled type stores: token scale = max(max|x| / QMAX, 1e-6). */
export function maxStored(dtype: KvCacheDtype): number {
  switch (dtype) {
    case 'int8':
    case 'int8_per_token_head':
      return 127;
    case 'fp8_e4m3':
    case 'fp8_per_token_head':
      return 448;
    case 'fp8_e5m2':
      return 57344;
    case 'float16':
      return 65504;
    case 'bfloat16':
    case 'float32':
      return 3.4028234663852886e38;
    default:
      return dtype satisfies never;
  }
}
