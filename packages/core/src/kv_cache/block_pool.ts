import { CapacityError, InvalidArgumentError } from '../errors.js';
import { check, checkInt } from '../problem/checks.js';
import { KvCacheBlock } from './block.js';
import {
  getBlockHash,
  getGroupId,
  makeBlockHashWithGroupId,
  type BlockHash,
} from './block_hash.js';
import { BlockHashToBlockMap } from './block_map.js';
import { FreeBlockList } from './free_list.js';
import type { KvCacheEvent } from './kv_events.js';
import type { KvCacheRequest } from './request.js';

/** The request's part in {@link BlockPool.cacheFullBlocks}. */
export type HashedTokens = Pick<KvCacheRequest, 'blockHashes' | 'allTokenIds'>;

/**
 * All blocks of a cache (vLLM `BlockPool`): counts who holds them, gives out the one that has been free longest, and finds
 * full blocks by content, free ones included until they are given out. Block 0 is the null block.
 *
 * ```js
 * const pool = new BlockPool(4);
 * const blocks = pool.getNewBlocks(3);  // ids 1, 2, 3
 * pool.getNumFreeBlocks();              // 0: the null block is never free
 * pool.freeBlocks(blocks.reverse());    // tail first: prefixes live longest
 * ```
 */
export class BlockPool {
  readonly blocks: readonly KvCacheBlock[];
  readonly nullBlock: KvCacheBlock;
  private readonly free: FreeBlockList;
  private readonly cached = new BlockHashToBlockMap();
  private events: KvCacheEvent[] = [];
  private numReserved = 1;

  /**
   * @param numGpuBlocks P, the null block included
   * @param enableCaching whether content is remembered
   * @param enableKvCacheEvents whether {@link takeEvents} has something to give
   */
  constructor(
    readonly numGpuBlocks: number,
    readonly enableCaching = true,
    private readonly enableKvCacheEvents = false,
  ) {
    checkInt(numGpuBlocks, 'BlockPool', 'numGpuBlocks', 1);
    this.blocks = Array.from({ length: numGpuBlocks }, (_, id) => new KvCacheBlock(id, id === 0));
    this.nullBlock = this.blocks[0];
    this.free = new FreeBlockList(this.blocks.slice(1));
  }

  /** A block of this content in each of the groups, or null unless all have one. */
  getCachedBlock(hash: BlockHash, kvCacheGroupIds: readonly number[]): KvCacheBlock[] | null {
    const found: KvCacheBlock[] = [];
    for (const groupId of kvCacheGroupIds) {
      const block = this.cached.getOneBlock(makeBlockHashWithGroupId(hash, groupId));
      if (block === null) return null;
      found.push(block);
    }
    return found;
  }

  /** Remembers the content of `blocks[numCachedBlocks]` to `blocks[numFullBlocks - 1]` of a request. */
  cacheFullBlocks(
    request: HashedTokens,
    blocks: readonly KvCacheBlock[],
    numCachedBlocks: number,
    numFullBlocks: number,
    blockSize: number,
    kvCacheGroupId: number,
  ): void {
    if (!this.enableCaching || numCachedBlocks >= numFullBlocks) return;
    const { blockHashes } = request;
    check(
      blockHashes.length >= numFullBlocks && blocks.length >= numFullBlocks,
      'BlockPool.cacheFullBlocks',
      `${numFullBlocks} full blocks need as many hashes and blocks, got ${blockHashes.length} and ${blocks.length}`,
    );
    for (let i = numCachedBlocks; i < numFullBlocks; i++) {
      const block = blocks[i];
      if (block.isNull || block.blockHash !== null) continue;
      block.blockHash = makeBlockHashWithGroupId(blockHashes[i], kvCacheGroupId);
      this.cached.insert(block.blockHash, block);
    }
    this.emit(() => ({
      type: 'BlockStored',
      blockHashes: blockHashes.slice(numCachedBlocks, numFullBlocks),
      parentBlockHash: blockHashes[numCachedBlocks - 1] ?? null,
      tokenIds: request.allTokenIds.slice(numCachedBlocks * blockSize, numFullBlocks * blockSize),
      blockSize,
      groupId: kvCacheGroupId,
    }));
  }

  /**
   * Takes blocks, held once each; content they had is forgotten.
   *
   * @throws CapacityError where fewer are free; none is then taken.
   */
  getNewBlocks(numBlocks: number): KvCacheBlock[] {
    checkInt(numBlocks, 'BlockPool.getNewBlocks', 'numBlocks', 0);
    this.checkFree(numBlocks);
    const blocks = this.free.popLeft(numBlocks);
    for (const block of blocks) {
      this.forgetContent(block);
      block.refCnt = 1;
    }
    return blocks;
  }

  /** Blocks that are never given back, e.g. for learned keys. They count as neither free nor in use. */
  reserveBlocks(numBlocks: number): KvCacheBlock[] {
    const blocks = this.getNewBlocks(numBlocks);
    this.numReserved += numBlocks;
    return blocks;
  }

  /** Forgets what a block held, as it is about to be written anew. */
  forgetContent(block: KvCacheBlock): void {
    const key = block.blockHash;
    if (key === null) return;
    block.blockHash = null;
    this.cached.pop(key, block.blockId);
    this.emit(() => ({
      type: 'BlockRemoved',
      blockHashes: [getBlockHash(key)],
      groupId: getGroupId(key),
    }));
  }

  /** One holder more for each; a free block leaves the free list. */
  touch(blocks: Iterable<KvCacheBlock>): void {
    for (const block of blocks) {
      if (block.isNull) continue;
      if (block.refCnt === 0) this.free.remove(block);
      block.refCnt++;
    }
  }

  /**
   * One holder less for each; those without a holder become free in this order, so the first is given out first. Null
   * blocks are passed over.
   *
   * @throws InvalidArgumentError for a block that is free already; nothing is then freed.
   */
  freeBlocks(orderedBlocks: Iterable<KvCacheBlock>): void {
    const blocks = [...orderedBlocks].filter((block) => !block.isNull);
    for (const block of blocks) block.refCnt--;
    const twice = blocks.find((block) => block.refCnt < 0);
    if (twice !== undefined) {
      for (const block of blocks) block.refCnt++;
      throw new InvalidArgumentError(
        `BlockPool.freeBlocks: block ${twice.blockId} is freed more often than it is held`,
      );
    }
    const unheld = blocks.filter((block) => block.refCnt === 0);
    this.free.append([...new Set(unheld)]);
  }

  /** Forgets all content; false (and nothing done) while a request holds a block. */
  resetPrefixCache(): boolean {
    if (this.numGpuBlocks - this.free.numFreeBlocks !== this.numReserved) return false;
    this.cached.clear();
    for (const block of this.blocks) block.blockHash = null;
    this.emit(() => ({ type: 'AllBlocksCleared' }));
    return true;
  }

  /** @throws CapacityError unless `numBlocks` blocks are free. */
  checkFree(numBlocks: number): void {
    const { numFreeBlocks } = this.free;
    if (numBlocks <= numFreeBlocks) return;
    throw new CapacityError(
      `BlockPool: ${numBlocks} blocks asked for, ${numFreeBlocks} of ${this.numGpuBlocks} are free; ` +
        'free a request or make the pool larger',
    );
  }

  getNumFreeBlocks(): number {
    return this.free.numFreeBlocks;
  }

  /** Held part of the blocks that may be given out, 0 to 1. */
  getUsage(): number {
    const total = this.numGpuBlocks - this.numReserved;
    return total === 0 ? 0 : 1 - this.free.numFreeBlocks / total;
  }

  /** Events since the last call. */
  takeEvents(): KvCacheEvent[] {
    const taken = this.events;
    this.events = [];
    return taken;
  }

  /** Free blocks, the next to be given out first; for tests and debugging. */
  freeBlockIds(): number[] {
    return this.free.toArray().map((block) => block.blockId);
  }

  private emit(event: () => KvCacheEvent): void {
    if (this.enableKvCacheEvents) this.events.push(event());
  }
}
