import { KV_CACHE_DTYPES, type CacheParams } from '../problem/params.js';
import { codesPerRow } from './dtypes.js';
import type { KvCacheLayout } from './layout.js';

/** The params of a cache kernel over `numTokens` tokens; strides of `[P, C, K, size]` as `codesPerRow` counts. */
export function cacheParamsOf(layout: KvCacheLayout, numTokens: number): CacheParams {
  const { blockSize, numKvHeads, headSize, dtype, kScale, vScale } = layout;
  const valueHeadSize = layout.valueInKey ? 0 : layout.valueHeadSize;
  const keys = codesPerRow(dtype, headSize);
  const values = codesPerRow(dtype, valueHeadSize);
  return {
    kScale: typeof kScale === 'number' ? kScale : 1,
    vScale: typeof vScale === 'number' ? vScale : 1,
    kvDtype: KV_CACHE_DTYPES.indexOf(dtype),
    numTokens,
    numKvHeads,
    headSize,
    valueHeadSize,
    blockSize,
    kStrideBlock: blockSize * numKvHeads * keys,
    kStrideToken: numKvHeads * keys,
    kStrideHead: keys,
    vStrideBlock: blockSize * numKvHeads * values,
    vStrideToken: numKvHeads * values,
    vStrideHead: values,
  };
}
