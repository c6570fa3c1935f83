import { reshape, slice, tidy, type Tensor } from '@tensorflow/tfjs-core';
import type { HostKvBlocks } from '../kv_cache/host_blocks.js';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { check, checkInt, checkTensor, shapeText } from '../problem/checks.js';
import type { AttentionPlan } from '../utils/plan_attention.js';
import type { BlockMapping } from './blocks.js';
import { contextAttentionFwd, type ContextAttentionOptions } from './context_attention.js';
import { copyBlocks } from './copy_blocks.js';
import {
  pagedAttentionV1,
  pagedAttentionV2,
  usesPartitions,
  type PagedDecodeOptions,
} from './paged_decode.js';
import { reshapeAndCacheFlash } from './reshape_and_cache_flash.js';
import { swapBlocks } from './swap_blocks.js';

const OP = 'PagedAttention';

/** Bytes that the innermost axis of vLLM's first key layout holds. */
const PACK_BYTES = 16;

/** vLLM's `PagedAttention`: what a decoder over pages needs, gathered. */
export const PagedAttention = {
  /** Head sizes that vLLM's kernels are compiled for. The kernels here take any to 576. */
  getSupportedHeadSizes(): readonly number[] {
    return [32, 64, 80, 96, 112, 120, 128, 192, 256];
  },

  /** `[2, P, C * K * H]`: keys, then values. */
  getKvCacheShape(
    numBlocks: number,
    blockSize: number,
    numKvHeads: number,
    headSize: number,
  ): [number, number, number] {
    return [2, numBlocks, blockSize * numKvHeads * headSize];
  },

  /**
   * The two halves of a float32 tensor `[2, P, C * K * H]` as vLLM's first layout: keys `[P, K, H / 4, C, 4]` (16 bytes
   * innermost), values `[P, K, H, C]`.
   *
   * @throws InvalidArgumentError where the shape does not divide.
   */
  splitKvCache(kvCache: Tensor, numKvHeads: number, headSize: number): [Tensor, Tensor] {
    const op = `${OP}.splitKvCache`;
    checkTensor(kvCache, op, 'kvCache', 3, '[2, P, C * K * H]');
    checkInt(numKvHeads, op, 'numKvHeads', 1);
    checkInt(headSize, op, 'headSize', 1);
    const [halves, numBlocks, width] = kvCache.shape as [number, number, number];
    const lanes = PACK_BYTES / 4;
    const blockSize = width / (numKvHeads * headSize);
    check(
      halves === 2 && Number.isInteger(blockSize) && headSize % lanes === 0,
      op,
      `kvCache ${shapeText(kvCache.shape)} must be [2, P, C * ${numKvHeads} * ${headSize}], with a head size that ${lanes} divides`,
    );
    return tidy(() => {
      const half = (i: number, shape: number[]) =>
        reshape(slice(kvCache, [i, 0, 0], [1, numBlocks, width]), shape);
      return [
        half(0, [numBlocks, numKvHeads, headSize / lanes, blockSize, lanes]),
        half(1, [numBlocks, numKvHeads, headSize, blockSize]),
      ];
    });
  },

  /** Writes tokens to slots; see {@link reshapeAndCacheFlash}. */
  writeToPagedCache(key: Tensor, value: Tensor, cache: KvCache, slotMapping: Int32Array): void {
    reshapeAndCacheFlash(key, value, cache, slotMapping);
  },

  /**
   * One query token a sequence over its pages, in one pass or in partitions of 512 keys as {@link usesPartitions} says.
   * `query` `[B, N, H]`; returns `[B, N, Hv]`.
   */
  forwardDecode(
    query: Tensor,
    cache: KvCache,
    plan: AttentionPlan,
    options: PagedDecodeOptions = {},
  ): Tensor {
    const heads = query?.shape?.[1] ?? 1;
    const run = usesPartitions(plan?.maxSeqLen, plan?.numSeqs, heads) ? pagedAttentionV2 : pagedAttentionV1; // prettier-ignore
    return run(query, cache, plan, options);
  },

  /** Prefill behind a cached context; see {@link contextAttentionFwd}. */
  forwardPrefix(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cache: KvCache,
    plan: AttentionPlan,
    options: ContextAttentionOptions = {},
  ): Tensor {
    return contextAttentionFwd(query, key, value, cache, plan, options);
  },

  swapBlocks(
    source: KvCache | HostKvBlocks,
    target: KvCache | HostKvBlocks,
    blockMapping: BlockMapping,
  ): Promise<void> {
    return swapBlocks(source, target, blockMapping);
  },

  copyBlocks(caches: KvCache | readonly KvCache[], blockMapping: BlockMapping): void {
    copyBlocks(caches, blockMapping);
  },
} as const;
