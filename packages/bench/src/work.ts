import { bytesPerElement, hasTokenScales } from '@tfjs-attention/core/provider';
import type { KvCacheDtype } from '@tfjs-attention/core';
import type { Cell } from './grid.js';

/** Query-key pairs that one head must look at: S * S, half of it when causal, the past besides, the band when windowed. */
export function visiblePairs({ queryLen, seqLen, causal, slidingWindow }: Cell): number {
  if (queryLen === 1) return seqLen;
  if (slidingWindow !== undefined) {
    const rising = Math.min(slidingWindow, seqLen);
    return (rising * (rising + 1)) / 2 + (seqLen - rising) * rising;
  }
  return causal ? queryLen * (seqLen - queryLen / 2) : queryLen * seqLen;
}

/** Flops of the products alone, 4 * N * pairs * H: two products, a multiplication and an addition each. */
export function flops(cell: Cell): number {
  return 4 * cell.numHeads * cell.headSize * visiblePairs(cell);
}

/** Flops of an implementation that skips nothing: what a peer is expected to do. */
export function denseFlops({ numHeads, headSize, queryLen, seqLen }: Cell): number {
  return 4 * numHeads * headSize * queryLen * seqLen;
}

/** Bytes of keys and values, scales included, that a decode step must read. */
export function cacheBytes(
  { numKvHeads, headSize, seqLen }: Cell,
  dtype: KvCacheDtype = 'float32',
): number {
  const perRow = headSize * bytesPerElement(dtype) + (hasTokenScales(dtype) ? 4 : 0);
  return 2 * seqLen * numKvHeads * perRow;
}

/** How fast a cell was done: GB/s of cache for decode, GFLOP/s for prefill. */
export type Rate = { gflops: number } | { gbps: number };

export function rateOf(cell: Cell, dtype: KvCacheDtype, ms: number): Rate {
  return cell.group === 'decode'
    ? { gbps: cacheBytes(cell, dtype) / ms / 1e6 }
    : { gflops: flops(cell) / ms / 1e6 };
}

export function rateValue(rate: Rate): number {
  return 'gbps' in rate ? rate.gbps : rate.gflops;
}
