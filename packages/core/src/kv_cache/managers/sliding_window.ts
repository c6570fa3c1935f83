import type { KvCacheBlock } from '../block.js';
import type { SlidingWindowSpec } from '../spec.js';
import {
  checkOneRank,
  SingleTypeKvCacheManager,
  type CacheHitQuery,
  type ManagerOptions,
} from './single_type.js';

/** Blocks before the window are given back (vLLM `SlidingWindowManager`). */
export class SlidingWindowManager extends SingleTypeKvCacheManager<SlidingWindowSpec> {
  constructor(options: ManagerOptions<SlidingWindowSpec>) {
    super(options);
    checkOneRank(
      'SlidingWindowManager',
      'a window is not dealt to several ranks',
      options.dcpWorldSize,
    );
  }

  /** From the right, the first run of blocks as long as the window; else what is there from position 0 on. */
  override findLongestCacheHit(query: CacheHitQuery): KvCacheBlock[][] {
    const { blockHashes, maxLength, kvCacheGroupIds, useEagle = false } = query;
    const { nullBlock } = this.blockPool;
    const windowBlocks =
      Math.ceil((this.kvCacheSpec.slidingWindow - 1) / this.blockSize) + (useEagle ? 1 : 0);
    const most = Math.min(blockHashes.length, Math.floor(maxLength / this.blockSize));
    const hits = kvCacheGroupIds.map(() => new Array<KvCacheBlock>(most).fill(nullBlock));
    let run = 0;
    let end = 0;
    for (let i = most - 1; i >= 0; i--) {
      const found = this.blockPool.getCachedBlock(blockHashes[i], kvCacheGroupIds);
      if (found === null) {
        run = 0;
        continue;
      }
      if (run === 0) end = i + 1;
      hits.forEach((blocks, group) => (blocks[i] = found[group]));
      run++;
      if (run >= windowBlocks) break;
    }
    // A shorter run is a hit only if it begins at position 0: then no key of the window is missing.
    hits.forEach((blocks) => (blocks.length = run === 0 ? 0 : end));
    if (useEagle) hits.forEach((blocks) => blocks.pop());
    return hits;
  }

  /** Leading blocks become null blocks at different times. */
  override getNumCommonPrefixBlocks(): number {
    return 0;
  }

  protected override firstUsefulToken(numComputedTokens: number): number {
    return Math.max(0, numComputedTokens - this.kvCacheSpec.slidingWindow + 1);
  }
}
