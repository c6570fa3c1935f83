import type { KvCacheBlock } from './block.js';
import type { BlockPool } from './block_pool.js';
import type { BlockPairs } from './layout.js';

/**
 * Copies that wait for `copyBlocks`: a block that several requests hold is never written, its writer gets a new one.
 * Sources stay held until the pairs are taken, so no pair's source is another's target.
 */
export class PendingCopies {
  private readonly sourceOf = new Map<KvCacheBlock, KvCacheBlock>();

  constructor(private readonly pool: BlockPool) {}

  /** Replaces a request's hold on `block` by one on a new block that will be a copy. */
  replace(block: KvCacheBlock): KvCacheBlock {
    const [target] = this.pool.getNewBlocks(1);
    const earlier = this.sourceOf.get(block);
    this.sourceOf.set(target, earlier ?? block);
    if (earlier !== undefined) {
      this.pool.touch([earlier]);
      this.pool.freeBlocks([block]);
    }
    return target;
  }

  /** Holders of a block that are requests. */
  numRequestsHolding(block: KvCacheBlock): number {
    let holders = block.refCnt;
    for (const source of this.sourceOf.values()) if (source === block) holders--;
    return holders;
  }

  /** Drops the copies into blocks that nobody holds any longer. */
  dropFreed(): void {
    for (const [target, source] of this.sourceOf) {
      if (target.refCnt > 0) continue;
      this.sourceOf.delete(target);
      this.pool.freeBlocks([source]);
    }
  }

  /** `[from, to]` pairs to copy before the next step; each is given once. */
  take(): BlockPairs {
    const pairs = [...this.sourceOf].map(
      ([target, source]) => [source.blockId, target.blockId] as const,
    );
    const sources = [...this.sourceOf.values()];
    this.sourceOf.clear();
    this.pool.freeBlocks(sources);
    return pairs;
  }
}
