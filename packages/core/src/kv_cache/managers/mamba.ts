import type { KvCacheBlock } from '../block.js';
import type { MambaSpec } from '../spec.js';
import { SingleTypeKvCacheManager, type CacheHitQuery } from './single_type.js';

/** A block holds the state after its last token, so only the last one is needed (vLLM `MambaManager`). */
export class MambaManager extends SingleTypeKvCacheManager<MambaSpec> {
  /** The last state that is there; null blocks stand for those before. */
  override findLongestCacheHit(query: CacheHitQuery): KvCacheBlock[][] {
    const { blockHashes, maxLength, kvCacheGroupIds } = query;
    const most = Math.min(blockHashes.length, Math.floor(maxLength / this.blockSize));
    for (let i = most - 1; i >= 0; i--) {
      const found = this.blockPool.getCachedBlock(blockHashes[i], kvCacheGroupIds);
      if (found === null) continue;
      const before = new Array<KvCacheBlock>(i).fill(this.blockPool.nullBlock);
      return found.map((block) => [...before, block]);
    }
    return kvCacheGroupIds.map(() => []);
  }

  override getNumCommonPrefixBlocks(): number {
    return 0;
  }

  override getNumBlocksToAllocate(
    requestId: string,
    numTokens: number,
    newComputedBlocks: readonly KvCacheBlock[],
    firstWritten = numTokens,
  ): number {
    const withDraft = numTokens + this.draftTokens;
    return super.getNumBlocksToAllocate(requestId, withDraft, newComputedBlocks, firstWritten);
  }

  override allocateNewBlocks(
    requestId: string,
    numTokens: number,
    firstWritten = numTokens,
  ): KvCacheBlock[] {
    return super.allocateNewBlocks(requestId, numTokens + this.draftTokens, firstWritten);
  }

  protected override firstUsefulToken(numComputedTokens: number): number {
    return Math.max(0, numComputedTokens - 1);
  }

  private get draftTokens(): number {
    return this.kvCacheSpec.numSpeculativeBlocks * this.blockSize;
  }
}
