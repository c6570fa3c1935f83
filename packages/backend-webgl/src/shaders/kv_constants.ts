import { bytesPerElement, KV_CACHE_DTYPES, type KvCacheDtype } from '@tfjs-attention/core/provider';
import type { Constants } from './compose.js';

/** What shaders know of stored types: a number for each, the one in use, quads of lanes in a texel. */
export function kvConstants(dtype: KvCacheDtype): Constants {
  return {
    ...Object.fromEntries(KV_CACHE_DTYPES.map((name, i) => [`KV_${name.toUpperCase()}`, i])),
    KV_TYPE: KV_CACHE_DTYPES.indexOf(dtype),
    KV_QUADS: 4 / bytesPerElement(dtype),
  };
}
