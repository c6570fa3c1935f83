import { check } from '../../problem/checks.js';
import type { KvCacheBlock } from '../block.js';
import type { BlockHash } from '../block_hash.js';
import type { BlockPool, HashedTokens } from '../block_pool.js';
import { PendingCopies } from '../copy_on_write.js';
import type { BlockPairs } from '../layout.js';
import type { KvCacheSpec } from '../spec.js';

export interface ManagerOptions<S extends KvCacheSpec = KvCacheSpec> {
  kvCacheSpec: S;
  blockPool: BlockPool;
  kvCacheGroupId: number;
  /** Ranks that share one sequence's keys: a block then spans that many times its tokens. Default 1. */
  dcpWorldSize?: number;
}

/** Where {@link SingleTypeKvCacheManager.findLongestCacheHit} looks. */
export interface CacheHitQuery {
  blockHashes: readonly BlockHash[];
  /** Most tokens that the hit may have. */
  maxLength: number;
  /** Groups of one spec: a hit must be in all of them. */
  kvCacheGroupIds: readonly number[];
  /** Leave the last block out, as a drafting model computes it again. Default false. */
  useEagle?: boolean;
}

/** Request and its tokens, for {@link SingleTypeKvCacheManager.cacheBlocks}. */
export type CacheableRequest = HashedTokens & { readonly requestId: string };

/** @throws InvalidArgumentError for several ranks, where `why` does not let a sequence's keys be dealt to them. */
export function checkOneRank(op: string, why: string, dcpWorldSize = 1): void {
  check(dcpWorldSize === 1, op, `dcpWorldSize must be 1: ${why}, got ${dcpWorldSize}`);
}

/** Blocks of every request for the layers of one KV cache group (vLLM `SingleTypeKVCacheManager`). */
export abstract class SingleTypeKvCacheManager<S extends KvCacheSpec = KvCacheSpec> {
  readonly kvCacheSpec: S;
  readonly blockPool: BlockPool;
  readonly kvCacheGroupId: number;
  /** Tokens per block, over all ranks. */
  readonly blockSize: number;
  protected readonly reqToBlocks = new Map<string, KvCacheBlock[]>();
  protected readonly copies: PendingCopies;
  private readonly numCachedBlock = new Map<string, number>();

  constructor({ kvCacheSpec, blockPool, kvCacheGroupId, dcpWorldSize = 1 }: ManagerOptions<S>) {
    this.kvCacheSpec = kvCacheSpec;
    this.blockPool = blockPool;
    this.kvCacheGroupId = kvCacheGroupId;
    this.blockSize = kvCacheSpec.blockSize * dcpWorldSize;
    this.copies = new PendingCopies(blockPool);
  }

  /** Blocks in the order of their tokens; null blocks where they are no longer needed. */
  getBlocks(requestId: string): readonly KvCacheBlock[] {
    return this.reqToBlocks.get(requestId) ?? [];
  }

  /**
   * Free blocks that {@link allocateNewBlocks} will use up: new ones, cached ones that nobody holds now, and copies of shared
   * blocks that tokens from `firstWritten` on fall into.
   */
  getNumBlocksToAllocate(
    requestId: string,
    numTokens: number,
    newComputedBlocks: readonly KvCacheBlock[],
    firstWritten = numTokens,
  ): number {
    const held = this.getBlocks(requestId).length + newComputedBlocks.length;
    const numNew = Math.max(0, Math.ceil(numTokens / this.blockSize) - held);
    const numUnheld = newComputedBlocks.filter(
      (block) => block.refCnt === 0 && !block.isNull,
    ).length;
    const numCopied = this.writtenBlocks(requestId, firstWritten, numTokens).filter(
      ({ refCnt }) => refCnt > 1,
    ).length;
    return numNew + numUnheld + numCopied;
  }

  /** Puts blocks that were found in the cache, touched already, in front of a new request. */
  saveNewComputedBlocks(requestId: string, newComputedBlocks: readonly KvCacheBlock[]): void {
    if (this.reqToBlocks.has(requestId)) {
      check(
        newComputedBlocks.length === 0,
        `${this.constructor.name}.saveNewComputedBlocks`,
        `request '${requestId}' has blocks already; only a new request starts with cached ones`,
      );
      return;
    }
    this.reqToBlocks.set(requestId, [...newComputedBlocks]);
    this.numCachedBlock.set(requestId, newComputedBlocks.length);
  }

  /** Gives a request room for `numTokens` tokens, the ones before included; returns the blocks that are new in its table. */
  allocateNewBlocks(
    requestId: string,
    numTokens: number,
    firstWritten = numTokens,
  ): KvCacheBlock[] {
    const blocks = this.reqToBlocks.get(requestId) ?? [];
    const numNew = Math.max(0, Math.ceil(numTokens / this.blockSize) - blocks.length);
    this.blockPool.checkFree(this.getNumBlocksToAllocate(requestId, numTokens, [], firstWritten));
    this.makeWritable(requestId, blocks, firstWritten, numTokens);
    const added = this.blockPool.getNewBlocks(numNew);
    blocks.push(...added);
    this.reqToBlocks.set(requestId, blocks);
    return added;
  }

  /** Remembers the content of the blocks that the first `numTokens` tokens fill. */
  cacheBlocks(request: CacheableRequest, numTokens: number): void {
    const { requestId } = request;
    const numCached = this.numCachedBlock.get(requestId) ?? 0;
    const numFull = Math.floor(numTokens / this.blockSize);
    if (numCached >= numFull) return;
    this.blockPool.cacheFullBlocks(
      request,
      this.getBlocks(requestId),
      numCached,
      numFull,
      this.blockSize,
      this.kvCacheGroupId,
    );
    this.numCachedBlock.set(requestId, numFull);
  }

  /** Gives all blocks back, the last first, so that prefixes stay cached longest. */
  free(requestId: string): void {
    const blocks = this.reqToBlocks.get(requestId) ?? [];
    this.reqToBlocks.delete(requestId);
    this.numCachedBlock.delete(requestId);
    this.release([...blocks].reverse());
  }

  /** Lets `childId` share everything `parentId` holds; whichever writes first into a shared block gets a copy. */
  fork(parentId: string, childId: string): void {
    const blocks = this.getBlocks(parentId);
    check(
      !this.reqToBlocks.has(childId),
      `${this.constructor.name}.fork`,
      `request '${childId}' has blocks already`,
    );
    this.blockPool.touch(blocks);
    this.reqToBlocks.set(childId, [...blocks]);
    this.numCachedBlock.set(childId, this.numCachedBlock.get(parentId) ?? 0);
  }

  /** Copies that must be made before the next step writes; each is given once. */
  takeBlockCopies(): BlockPairs {
    return this.copies.take();
  }

  /** Leading blocks that all running requests hold. */
  abstract getNumCommonPrefixBlocks(runningRequestId: string): number;

  /** Cached blocks that a new request may start with, one list a group, all of one length. */
  abstract findLongestCacheHit(query: CacheHitQuery): KvCacheBlock[][];

  /** First token whose block is still needed when `numComputedTokens` tokens are computed. */
  protected abstract firstUsefulToken(numComputedTokens: number): number;

  /** First tokens that stay whatever is computed, of a request with such a prefix. */
  protected tokensKeptInFront(_rswaPrefixLen?: number): number {
    return 0;
  }

  /** Frees blocks that no later token attends to; null blocks take their place. */
  removeSkippedBlocks(requestId: string, numComputedTokens: number, rswaPrefixLen?: number): void {
    const blocks = this.reqToBlocks.get(requestId);
    if (blocks === undefined) return;
    const kept = Math.ceil(this.tokensKeptInFront(rswaPrefixLen) / this.blockSize);
    const firstUseful = Math.floor(this.firstUsefulToken(numComputedTokens) / this.blockSize);
    const removed: KvCacheBlock[] = [];
    for (let i = Math.min(firstUseful, blocks.length) - 1; i >= kept && !blocks[i].isNull; i--) {
      removed.push(blocks[i]);
      blocks[i] = this.blockPool.nullBlock;
    }
    this.release(removed);
  }

  private release(blocks: readonly KvCacheBlock[]): void {
    this.blockPool.freeBlocks(blocks);
    if (blocks.length > 0) this.copies.dropFreed();
  }

  private writtenBlocks(requestId: string, first: number, end: number): KvCacheBlock[] {
    if (first >= end) return [];
    return this.getBlocks(requestId)
      .slice(Math.floor(first / this.blockSize), Math.ceil(end / this.blockSize))
      .filter((block) => !block.isNull);
  }

  private makeWritable(
    requestId: string,
    blocks: KvCacheBlock[],
    first: number,
    end: number,
  ): void {
    for (const block of this.writtenBlocks(requestId, first, end)) {
      const i = blocks.indexOf(block);
      if (block.refCnt > 1) blocks[i] = this.copies.replace(block);
      else this.blockPool.forgetContent(block);
      const numCached = this.numCachedBlock.get(requestId) ?? 0;
      this.numCachedBlock.set(requestId, Math.min(numCached, i));
    }
  }
}
