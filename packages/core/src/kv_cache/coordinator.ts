import { check } from '../problem/checks.js';
import type { KvCacheBlock } from './block.js';
import type { BlockHash } from './block_hash.js';
import { BlockPool } from './block_pool.js';
import type { KvCacheConfig } from './kv_cache_config.js';
import type { BlockPairs } from './layout.js';
import { CrossAttentionManager } from './managers/cross_attention.js';
import { FullAttentionManager } from './managers/full_attention.js';
import { getManagerForKvCacheSpec, supportsPrefixCaching } from './managers/index.js';
import type { CacheableRequest, SingleTypeKvCacheManager } from './managers/single_type.js';
import { SinkFullAttentionSpec } from './spec.js';

export interface CoordinatorOptions {
  kvCacheConfig: KvCacheConfig;
  /** Whether blocks are found by content; default: where every group can. */
  enableCaching?: boolean;
  /** Default false. */
  useEagle?: boolean;
  enableKvCacheEvents?: boolean;
  /** Default 1. */
  dcpWorldSize?: number;
}

/** Tokens and blocks of a request whose room is asked for. */
export interface SlotRequest {
  requestId: string;
  /** Tokens that need a slot, computed ones included. */
  numTokens: number;
  /** First token that will be written. */
  firstWritten: number;
  /** Encoder tokens, for cross attention. */
  numEncoderTokens: number;
}

const OP = 'KvCacheCoordinator';

/** The managers of all groups over one pool (vLLM `KVCacheCoordinator`, unitary and hybrid). */
export class KvCacheCoordinator {
  readonly blockPool: BlockPool;
  readonly managers: readonly SingleTypeKvCacheManager[];
  readonly enableCaching: boolean;
  private readonly useEagle: boolean;
  /** Groups of equal specs, those of full attention first: their hits shrink from the right only. */
  private readonly kinds: readonly (readonly SingleTypeKvCacheManager[])[];

  constructor(options: CoordinatorOptions) {
    const { kvCacheConfig, enableCaching = true, dcpWorldSize = 1 } = options;
    const { numBlocks, kvCacheGroups } = kvCacheConfig;
    check(kvCacheGroups.length > 0, OP, 'kvCacheConfig must have at least one group');
    const hasSinks = ({ kvCacheSpec }: (typeof kvCacheGroups)[number]) =>
      kvCacheSpec instanceof SinkFullAttentionSpec;
    const sinks = kvCacheGroups.filter(hasSinks);
    check(
      sinks.length <= 1,
      OP,
      `kvCacheConfig has ${sinks.length} groups of SinkFullAttentionSpec: sinks live in blocks 1 to n, which one group can hold; give these layers one spec`,
    );
    const reason = reasonAgainstCaching(kvCacheConfig);
    check(
      options.enableCaching !== true || reason === null,
      OP,
      `enableCaching must be false: ${reason}`,
    );
    this.enableCaching = enableCaching && reason === null;
    this.blockPool = new BlockPool(numBlocks, this.enableCaching, options.enableKvCacheEvents);
    const { blockPool } = this;
    this.managers = kvCacheGroups.map(({ kvCacheSpec }, kvCacheGroupId) =>
      getManagerForKvCacheSpec({ kvCacheSpec, blockPool, kvCacheGroupId, dcpWorldSize }),
    );
    this.useEagle = options.useEagle ?? false;
    this.kinds = groupKinds(this.managers);
  }

  /** Free blocks that {@link allocateNewBlocks} will use up, in all groups. */
  getNumBlocksToAllocate(
    request: SlotRequest,
    newComputedBlocks: readonly (readonly KvCacheBlock[])[],
  ): number {
    return this.managers.reduce((sum, manager, group) => {
      const { numTokens, firstWritten } = tokensOf(manager, request);
      const computed = newComputedBlocks[group];
      const { requestId } = request;
      return sum + manager.getNumBlocksToAllocate(requestId, numTokens, computed, firstWritten);
    }, 0);
  }

  saveNewComputedBlocks(
    requestId: string,
    newComputedBlocks: readonly (readonly KvCacheBlock[])[],
  ): void {
    this.managers.forEach((manager, group) =>
      manager.saveNewComputedBlocks(requestId, newComputedBlocks[group]),
    );
  }

  /** New blocks, one list a group. */
  allocateNewBlocks(request: SlotRequest): KvCacheBlock[][] {
    return this.managers.map((manager) => {
      const { numTokens, firstWritten } = tokensOf(manager, request);
      return manager.allocateNewBlocks(request.requestId, numTokens, firstWritten);
    });
  }

  cacheBlocks(request: CacheableRequest, numTokens: number): void {
    if (!this.enableCaching) return;
    this.managers.forEach((manager) => manager.cacheBlocks(request, numTokens));
  }

  free(requestId: string): void {
    this.managers.forEach((manager) => manager.free(requestId));
  }

  fork(parentId: string, childId: string): void {
    this.managers.forEach((manager) => manager.fork(parentId, childId));
  }

  removeSkippedBlocks(requestId: string, numComputedTokens: number, rswaPrefixLen?: number): void {
    this.managers.forEach((manager) =>
      manager.removeSkippedBlocks(requestId, numComputedTokens, rswaPrefixLen),
    );
  }

  /** Leading blocks that all running requests hold, one number a group. */
  getNumCommonPrefixBlocks(runningRequestId: string): number[] {
    return this.managers.map((manager) => manager.getNumCommonPrefixBlocks(runningRequestId));
  }

  getBlocks(requestId: string): (readonly KvCacheBlock[])[] {
    return this.managers.map((manager) => manager.getBlocks(requestId));
  }

  /** Copies that must be made before the next step, one list of pairs a group. */
  takeBlockCopies(): BlockPairs[] {
    return this.managers.map((manager) => manager.takeBlockCopies());
  }

  /** The longest prefix that every group has: blocks, one list a group, and its tokens. */
  findLongestCacheHit(
    blockHashes: readonly BlockHash[],
    maxCacheHitLength: number,
  ): { blocks: KvCacheBlock[][]; numTokens: number } {
    const hit = this.findAgreedHit(blockHashes, maxCacheHitLength);
    if (!this.useEagle || hit.numTokens === 0) return hit;
    // A drafting model needs what only computing the last block again gives.
    return this.findAgreedHit(blockHashes, hit.numTokens - this.managers[0].blockSize);
  }

  private findAgreedHit(blockHashes: readonly BlockHash[], maxLength: number) {
    const { blockSize } = this.managers[0];
    const blocks: KvCacheBlock[][] = this.managers.map(() => []);
    let numTokens = Math.floor(maxLength / blockSize) * blockSize;
    // A kind may have less than those before it found, and these then less again: ask round until all agree.
    for (let turn = 0, agreed = 0; agreed < this.kinds.length; turn++) {
      const kind = this.kinds[turn % this.kinds.length];
      const hits = kind[0].findLongestCacheHit({
        blockHashes,
        maxLength: numTokens,
        kvCacheGroupIds: kind.map((manager) => manager.kvCacheGroupId),
      });
      kind.forEach((manager, i) => (blocks[manager.kvCacheGroupId] = hits[i]));
      const found = hits[0].length * blockSize;
      agreed = found === numTokens ? agreed + 1 : 1;
      numTokens = found;
    }
    return { blocks, numTokens };
  }
}

function reasonAgainstCaching({ kvCacheGroups }: KvCacheConfig): string | null {
  const against = kvCacheGroups.find(({ kvCacheSpec }) => !supportsPrefixCaching(kvCacheSpec));
  if (against !== undefined) {
    return `keys of a ${against.kvCacheSpec.constructor.name} do not follow from the tokens before them alone`;
  }
  const sizes = [...new Set(kvCacheGroups.map(({ kvCacheSpec }) => kvCacheSpec.blockSize))];
  return sizes.length === 1 ? null : `groups have blocks of ${sizes.join(' and ')} tokens`;
}

function tokensOf(manager: SingleTypeKvCacheManager, request: SlotRequest) {
  // Encoder keys are written once, all of them, into room of their own.
  if (!(manager instanceof CrossAttentionManager)) return request;
  const numTokens = request.numEncoderTokens;
  return { numTokens, firstWritten: numTokens };
}

function groupKinds(managers: readonly SingleTypeKvCacheManager[]): SingleTypeKvCacheManager[][] {
  const kinds: SingleTypeKvCacheManager[][] = [];
  for (const manager of managers) {
    const kind = kinds.find(([first]) => first.kvCacheSpec.equals(manager.kvCacheSpec));
    if (kind === undefined) kinds.push([manager]);
    else kind.push(manager);
  }
  const isFull = (kind: SingleTypeKvCacheManager[]) =>
    Number(kind[0] instanceof FullAttentionManager);
  return kinds.sort((a, b) => isFull(b) - isFull(a));
}
