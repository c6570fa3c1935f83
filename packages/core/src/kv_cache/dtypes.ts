import type { KvCacheDtype } from '../problem/params.js';

/** Bytes of one stored element; int4 stores two in a byte. */
export function bytesPerElement(dtype: KvCacheDtype): 0.5 | 1 | 2 | 4 {
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
    case 'int4_per_token_head':
      return 0.5;
    default:
      return dtype satisfies never;
  }
}

/** What one head's lanes take in an array of codes: elements, or bytes of two. Strides of a cache count these. */
export function codesPerRow(dtype: KvCacheDtype, size: number): number {
  return dtype === 'int4_per_token_head' ? Math.ceil(size / 2) : size;
}

/** Bytes of one head's lanes. */
export function bytesPerRow(dtype: KvCacheDtype, size: number): number {
  return Math.ceil(size * bytesPerElement(dtype));
}

/** Whether every token and KV head has a scale of its own, computed when it is written. */
export function hasTokenScales(dtype: KvCacheDtype): boolean {
  switch (dtype) {
    case 'int8_per_token_head':
    case 'fp8_per_token_head':
    case 'int4_per_token_head':
      return true;
    case 'float32':
    case 'float16':
    case 'bfloat16':
    case 'fp8_e4m3':
    case 'fp8_e5m2':
    case 'int8':
      return false;
    default:
      return dtype satisfies never;
  }
}

/** Largest magnitude that a scaled type stores: token scale = max(max|x| / QMAX, 1e-6); int4: the largest code. */
export function maxStored(dtype: KvCacheDtype): number {
  switch (dtype) {
    case 'int4_per_token_head':
      return 15;
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
