import { bytesPerElement, KV_CACHE_DTYPES, type KvCacheDtype } from '@tfjs-attention/core/provider';
import type { Constants } from './compose.js';

/** What shaders know of stored types: a number for each, the one in use, quads of lanes in a texel. */
export function kvConstants(dtype: KvCacheDtype): Constants {
  return CONSTANTS[dtype];
}

const NUMBERS: Constants = Object.fromEntries(
  KV_CACHE_DTYPES.map((name, i) => [`KV_${name.toUpperCase()}`, i]),
);

const CONSTANTS = Object.fromEntries(
  KV_CACHE_DTYPES.map((dtype, i): [string, Constants] => [
    dtype,
    { ...NUMBERS, KV_TYPE: i, KV_QUADS: 4 / bytesPerElement(dtype) },
  ]),
) as Readonly<Record<KvCacheDtype, Constants>>;
