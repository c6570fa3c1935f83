import { planAttention, type AttentionPlan } from '@tfjs-attention/core';
import type { BlockPool } from './block_pool.js';

/** How a sequence is laid out in blocks. */
export interface PagingOptions {
  /** C, tokens a block. */
  blockSize: number;
  /** Keys that any layer can still see, the token itself included; null = all. */
  window: number | null;
}

/** Most blocks that a sequence of `tokens` tokens holds at once, when up to `chunk` tokens are appended together. */
export function blocksNeeded(
  tokens: number,
  chunk: number,
  { blockSize, window }: PagingOptions,
): number {
  const all = Math.ceil(tokens / blockSize);
  if (window === null) return all;
  // The live span may start and end inside a block.
  return Math.min(all, Math.ceil((window - 1 + chunk) / blockSize) + 1);
}

/** One growing sequence: its block table, and the plan of each step. Blocks that left the window go back to the pool. */
export class PagedSequence {
  /** Tokens in the cache. */
  length = 0;
  private readonly table: number[] = [];
  /** Blocks from the start of the table that were given back. */
  private released = 0;

  constructor(
    private readonly pool: BlockPool,
    private readonly options: PagingOptions,
  ) {}

  /** Makes room for `count` tokens and says where they go. The caller disposes the plan. */
  append(count: number): AttentionPlan {
    const { blockSize } = this.options;
    const first = this.length;
    const end = first + count;
    this.releaseBefore(first);
    const missing = Math.ceil(end / blockSize) - this.table.length;
    if (missing > 0) this.table.push(...this.pool.allocate(missing));
    this.length = end;
    return planAttention({
      queryStartLoc: Int32Array.of(0, count),
      seqLens: Int32Array.of(end),
      // Entries of released blocks stay: the window hides their keys, whatever is written there now.
      blockTables: Int32Array.from(this.table),
      slotMapping: Int32Array.from({ length: count }, (_, i) => this.slotOf(first + i)),
    });
  }

  private slotOf(position: number): number {
    const { blockSize } = this.options;
    return this.table[Math.floor(position / blockSize)] * blockSize + (position % blockSize);
  }

  private releaseBefore(position: number): void {
    const { blockSize, window } = this.options;
    if (window === null) return;
    const firstVisible = Math.max(0, position - (window - 1));
    const dead = Math.floor(firstVisible / blockSize);
    if (dead <= this.released) return;
    this.pool.release(this.table.slice(this.released, dead));
    this.released = dead;
  }
}
