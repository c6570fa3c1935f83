import type { KvCacheDtype } from '@tfjs-attention/core';
import {
  codesPerRow,
  decodeRow,
  encodeRow,
  hasTokenScales,
  measureRow,
} from '@tfjs-attention/core/provider';

/** Scale for standard normal data: int8 then reaches 5 standard deviations; the floats need none. */
export function scaleOf(dtype: KvCacheDtype): number {
  return dtype === 'int8' ? Math.fround(5 / 127) : 1;
}

/** What a cache of `dtype` gives back for one token's row of one head. */
export function storedRow(row: Float32Array, dtype: KvCacheDtype): Float32Array {
  if (dtype === 'float32') return row;
  const size = row.length;
  const scale = hasTokenScales(dtype) ? measureRow(dtype, row, 0, size) : scaleOf(dtype);
  const codes = new Uint16Array(codesPerRow(dtype, size));
  encodeRow(dtype, row, 0, size, scale, codes, 0);
  const values = new Float32Array(size);
  decodeRow(dtype, codes, 0, size, scale, values, 0);
  return values;
}
