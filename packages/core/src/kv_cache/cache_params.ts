import { KV_CACHE_DTYPES, type CacheParams } from '../problem/params.js';
import type { KvCacheLayout } from './layout.js';

/** The params of a cache kernel over `numTokens` tokens; strides of `[P, C, K, size]` in elements. */
export function cacheParamsOf(layout: KvCacheLayout, numTokens: number): CacheParams {
  const { blockSize, numKvHeads, headSize, valueHeadSize, dtype, kScale, vScale } = layout;
  return {
    kScale: typeof kScale === 'number' ? kScale : 1,
    vScale: typeof vScale === 'number' ? vScale : 1,
    kvDtype: KV_CACHE_DTYPES.indexOf(dtype),
    numTokens,
    numKvHeads,
    headSize,
    valueHeadSize,
    blockSize,
    kStrideBlock: blockSize * numKvHeads * headSize,
    kStrideToken: numKvHeads * headSize,
    kStrideHead: headSize,
    vStrideBlock: blockSize * numKvHeads * valueHeadSize,
    vStrideToken: numKvHeads * valueHeadSize,
    vStrideHead: valueHeadSize,
  };
}
