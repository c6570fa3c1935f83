import { check } from '../../problem/checks.js';
import type { KvCacheBlock } from '../block.js';
import type { ChunkedLocalAttentionSpec } from '../spec.js';
import {
  checkOneRank,
  SingleTypeKvCacheManager,
  type CacheHitQuery,
  type ManagerOptions,
} from './single_type.js';

/** Blocks before the current chunk are given back (vLLM `ChunkedLocalAttentionManager`). */
export class ChunkedLocalAttentionManager extends SingleTypeKvCacheManager<ChunkedLocalAttentionSpec> {
  constructor(options: ManagerOptions<ChunkedLocalAttentionSpec>) {
    super(options);
    checkOneRank(
      'ChunkedLocalAttentionManager',
      'a chunk is not dealt to several ranks',
      options.dcpWorldSize,
    );
  }

  /** Chunks before the last count as found, since nothing attends to them; the last from the left. */
  override findLongestCacheHit(query: CacheHitQuery): KvCacheBlock[][] {
    const { blockHashes, kvCacheGroupIds } = query;
    check(
      query.useEagle !== true,
      'ChunkedLocalAttentionManager.findLongestCacheHit',
      'useEagle is not known for chunked local attention',
    );
    const most = Math.min(query.maxLength, blockHashes.length * this.blockSize);
    const chunkStart = this.firstUsefulToken(most);
    const start = Math.floor(chunkStart / this.blockSize);
    const { nullBlock } = this.blockPool;
    const hits = kvCacheGroupIds.map(() => new Array<KvCacheBlock>(start).fill(nullBlock));
    for (let i = start; i < Math.floor(most / this.blockSize); i++) {
      const found = this.blockPool.getCachedBlock(blockHashes[i], kvCacheGroupIds);
      if (found === null) break;
      hits.forEach((blocks, group) => blocks.push(found[group]));
    }
    const length = hits[0].length * this.blockSize;
    // The next token belongs to an earlier chunk, which begins inside a block: that one's keys are needed after all.
    if (length < chunkStart) return this.findLongestCacheHit({ ...query, maxLength: length });
    return hits;
  }

  /** Leading blocks become null blocks at different times. */
  override getNumCommonPrefixBlocks(): number {
    return 0;
  }

  protected override firstUsefulToken(numComputedTokens: number): number {
    const { attentionChunkSize } = this.kvCacheSpec;
    return Math.floor(numComputedTokens / attentionChunkSize) * attentionChunkSize;
  }
}
