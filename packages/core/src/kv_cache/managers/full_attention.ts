import type { KvCacheBlock } from '../block.js';
import type { FullAttentionSpec } from '../spec.js';
import { SingleTypeKvCacheManager, type CacheHitQuery } from './single_type.js';

/** Every key stays (vLLM `FullAttentionManager`). */
export class FullAttentionManager<
  S extends FullAttentionSpec = FullAttentionSpec,
> extends SingleTypeKvCacheManager<S> {
  /** From the left, to the first block that is missing. */
  override findLongestCacheHit(query: CacheHitQuery): KvCacheBlock[][] {
    const { blockHashes, maxLength, kvCacheGroupIds, useEagle = false } = query;
    const hits: KvCacheBlock[][] = kvCacheGroupIds.map(() => []);
    const most = Math.min(blockHashes.length, Math.floor(maxLength / this.blockSize));
    for (let i = 0; i < most; i++) {
      const found = this.blockPool.getCachedBlock(blockHashes[i], kvCacheGroupIds);
      if (found === null) break;
      hits.forEach((blocks, group) => blocks.push(found[group]));
    }
    if (useEagle) hits.forEach((blocks) => blocks.pop());
    return hits;
  }

  override getNumCommonPrefixBlocks(runningRequestId: string): number {
    const blocks = this.getBlocks(runningRequestId);
    const own = blocks.findIndex(
      (block) => this.copies.numRequestsHolding(block) !== this.reqToBlocks.size,
    );
    return own < 0 ? blocks.length : own;
  }

  protected override firstUsefulToken(_numComputedTokens: number): number {
    return 0;
  }
}
