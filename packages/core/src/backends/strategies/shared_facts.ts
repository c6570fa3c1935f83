import { getKvCacheLayout } from '../../metadata/kv_cache_layout.js';

/** Head sizes of FlashAttention-2's kernels in vLLM; TREE_ATTN takes the same. */
export const FLASH_HEAD_SIZES: readonly number[] = [32, 64, 96, 128, 160, 192, 224, 256];

/** A cache whose blocks hold keys and values together: `[P, 2, C, K, H]`. */
export function blockwiseCacheShape(
  numBlocks: number,
  blockSize: number,
  numKvHeads: number,
  headSize: number,
): number[] {
  return [numBlocks, 2, blockSize, numKvHeads, headSize];
}

/** How a five-axis cache lies in memory under the layout in force: HND swaps tokens and heads. */
export function layoutStrideOrder(): number[] {
  return getKvCacheLayout() === 'HND' ? [0, 1, 3, 2, 4] : [0, 1, 2, 3, 4];
}
