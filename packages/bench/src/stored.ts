import type { KvCacheDtype } from '@tfjs-attention/core';
import { decode, encode, hasTokenScales, maxStored } from '@tfjs-attention/core/provider';

/** Scale for standard normal data: int8 then reaches 5 standard deviations; the floats need none. */
export function scaleOf(dtype: KvCacheDtype): number {
  return dtype === 'int8' ? Math.fround(5 / 127) : 1;
}

/** What a cache of `dtype` gives back for one token's row of one head. */
export function storedRow(row: Float32Array, dtype: KvCacheDtype): Float32Array {
  if (dtype === 'float32') return row;
  const scale = hasTokenScales(dtype) ? rowScale(row, dtype) : scaleOf(dtype);
  return row.map((x) => decode(dtype, encode(dtype, Math.fround(x / scale))) * scale);
}

/** max(max|x| / QMAX, 1e-6) in float32. */
function rowScale(row: Float32Array, dtype: KvCacheDtype): number {
  const most = row.reduce((found, x) => Math.max(found, Math.abs(x)), 0);
  return Math.max(Math.fround(most / maxStored(dtype)), Math.fround(1e-6));
}
