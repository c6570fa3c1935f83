import { CapacityError } from '../errors.js';
import { check, checkInt } from '../problem/checks.js';
import type { KvCacheBlock } from './block.js';
import type { BlockPool } from './block_pool.js';
import { KvCacheCoordinator, type CoordinatorOptions } from './coordinator.js';
import { KvCacheBlocks } from './kv_cache_blocks.js';
import type { KvCacheEvent } from './kv_events.js';
import type { BlockPairs } from './layout.js';
import type { KvCacheRequest } from './request.js';

export interface KvCacheManagerOptions extends CoordinatorOptions {
  /** Most tokens of a request. */
  maxModelLen: number;
}

/** What {@link KvCacheManager.allocateSlots} takes beside the new tokens. */
export interface AllocateSlotsOptions {
  /** What {@link KvCacheManager.getComputedBlocks} found, for a request that starts. */
  numNewComputedTokens?: number;
  newComputedBlocks?: KvCacheBlocks;
  /** Room beyond the new tokens, for proposed ones. Default 0. */
  numLookaheadTokens?: number;
  /** Leave the new blocks out of the prefix cache, as their keys arrive later. Default false. */
  delayCacheBlocks?: boolean;
  /** Encoder tokens of the request, for cross attention. Default 0. */
  numEncoderTokens?: number;
}

/** Counts since they were last taken. */
export interface PrefixCacheStats {
  requests: number;
  /** Tokens looked for. */
  queries: number;
  /** Tokens found. */
  hits: number;
}

const OP = 'KvCacheManager.allocateSlots';

/**
 * What a scheduler asks for blocks (vLLM `KVCacheManager`): finds what is computed already, gives room for new tokens or says
 * that there is none, takes blocks back.
 *
 * ```js
 * const {blocks, numTokens} = manager.getComputedBlocks(request);
 * const options = {numNewComputedTokens: numTokens, newComputedBlocks: blocks};
 * if (manager.allocateSlots(request, request.numTokens - numTokens, options) === null) {
 *   // no room: free a running request, which is computed again later
 * }
 * ```
 */
export class KvCacheManager {
  readonly coordinator: KvCacheCoordinator;
  readonly blockPool: BlockPool;
  readonly enableCaching: boolean;
  readonly maxModelLen: number;
  private stats: PrefixCacheStats = { requests: 0, queries: 0, hits: 0 };

  constructor(options: KvCacheManagerOptions) {
    checkInt(options.maxModelLen, 'KvCacheManager', 'maxModelLen', 1);
    this.coordinator = new KvCacheCoordinator(options);
    this.blockPool = this.coordinator.blockPool;
    this.enableCaching = this.coordinator.enableCaching;
    this.maxModelLen = options.maxModelLen;
  }

  /** Held part of the pool, 0 to 1. */
  get usage(): number {
    return this.blockPool.getUsage();
  }

  /**
   * The cached prefix of a request that is about to start; it is not held yet. The last token is never part of it, since its
   * scores are wanted.
   */
  getComputedBlocks(request: KvCacheRequest): { blocks: KvCacheBlocks; numTokens: number } {
    if (!this.enableCaching || request.skipReadingPrefixCache) {
      return { blocks: this.createEmptyBlockList(), numTokens: 0 };
    }
    const { blocks, numTokens } = this.coordinator.findLongestCacheHit(
      request.blockHashes,
      Math.max(0, request.numTokens - 1),
    );
    this.stats.requests++;
    this.stats.queries += request.numTokens;
    this.stats.hits += numTokens;
    return { blocks: new KvCacheBlocks(blocks), numTokens };
  }

  /**
   * Room for the next `numNewTokens` tokens after those that are computed, or null where the pool has none: then nothing but
   * blocks that no later token needs has changed hands. Blocks that the new tokens fill can be found from now on, so compute
   * them in this step. After it {@link takeBlockCopies}.
   *
   * @returns the blocks that are new at the end of the request's table; {@link getBlockIds} has all
   */
  allocateSlots(
    request: KvCacheRequest,
    numNewTokens: number,
    options: AllocateSlotsOptions = {},
  ): KvCacheBlocks | null {
    const { numNewComputedTokens = 0, numLookaheadTokens = 0, numEncoderTokens = 0 } = options;
    checkInt(numNewTokens, OP, 'numNewTokens', 1);
    checkInt(numNewComputedTokens, OP, 'numNewComputedTokens', 0);
    checkInt(numLookaheadTokens, OP, 'numLookaheadTokens', 0);
    checkInt(numEncoderTokens, OP, 'numEncoderTokens', 0);
    const { requestId } = request;
    const computed = (options.newComputedBlocks ?? this.createEmptyBlockList()).blocks;
    check(
      isEmpty(computed) || isEmpty(this.coordinator.getBlocks(requestId)),
      OP,
      `request '${requestId}' has blocks already; only one that starts takes newComputedBlocks`,
    );
    const firstWritten = request.numComputedTokens + numNewComputedTokens;
    const end = firstWritten + numNewTokens;
    if (end > this.maxModelLen) {
      throw new CapacityError(
        `${OP}: request '${requestId}' would have ${end} tokens, maxModelLen is ${this.maxModelLen}; end it there`,
      );
    }
    const { numComputedTokens, rswaPrefixLen } = request;
    this.coordinator.removeSkippedBlocks(requestId, numComputedTokens, rswaPrefixLen);
    const numTokens = Math.min(end + numLookaheadTokens, this.maxModelLen);
    const slots = { requestId, numTokens, firstWritten, numEncoderTokens };
    const needed = this.coordinator.getNumBlocksToAllocate(slots, computed);
    if (needed > this.blockPool.getNumFreeBlocks()) return null;
    computed.forEach((blocks) => this.blockPool.touch(blocks));
    this.coordinator.saveNewComputedBlocks(requestId, computed);
    const newBlocks = new KvCacheBlocks(this.coordinator.allocateNewBlocks(slots));
    // Proposed tokens may be taken back, so only tokens that the request has are remembered.
    if (options.delayCacheBlocks !== true) {
      this.cacheBlocks(request, Math.min(end, request.numTokens));
    }
    return newBlocks;
  }

  /** Remembers blocks whose keys have arrived after {@link AllocateSlotsOptions.delayCacheBlocks}. */
  cacheBlocks(request: KvCacheRequest, numComputedTokens: number): void {
    this.coordinator.cacheBlocks(request, numComputedTokens);
  }

  /** Gives a request's blocks back; what they hold stays to be found until they are given out again. */
  free(request: Pick<KvCacheRequest, 'requestId'>): void {
    this.coordinator.free(request.requestId);
  }

  /** Lets `child` share all of `parent`'s blocks; shared blocks are copied when one of the two writes into them. */
  fork(parent: Pick<KvCacheRequest, 'requestId'>, child: Pick<KvCacheRequest, 'requestId'>): void {
    this.coordinator.fork(parent.requestId, child.requestId);
  }

  /** `[from, to]` pairs for `copyBlocks` before the step runs, one list a group. */
  takeBlockCopies(): BlockPairs[] {
    return this.coordinator.takeBlockCopies();
  }

  getBlocks(requestId: string): KvCacheBlocks {
    return new KvCacheBlocks(this.coordinator.getBlocks(requestId));
  }

  /** A request's block table rows, one a group. */
  getBlockIds(requestId: string): number[][] {
    return this.getBlocks(requestId).getBlockIds();
  }

  /** Leading blocks that all running requests hold, one number a group. */
  getNumCommonPrefixBlocks(runningRequestId: string): number[] {
    return this.coordinator.getNumCommonPrefixBlocks(runningRequestId);
  }

  /** Forgets all content, e.g. after new weights; false while a request holds a block. */
  resetPrefixCache(): boolean {
    return this.blockPool.resetPrefixCache();
  }

  /** Hits since the last call. */
  takePrefixCacheStats(): PrefixCacheStats {
    const taken = this.stats;
    this.stats = { requests: 0, queries: 0, hits: 0 };
    return taken;
  }

  takeEvents(): KvCacheEvent[] {
    return this.blockPool.takeEvents();
  }

  createEmptyBlockList(): KvCacheBlocks {
    return new KvCacheBlocks(this.coordinator.managers.map(() => []));
  }
}

function isEmpty(groups: readonly (readonly KvCacheBlock[])[]): boolean {
  return groups.every((blocks) => blocks.length === 0);
}
