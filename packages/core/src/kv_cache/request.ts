import { check, checkInt } from '../problem/checks.js';
import { extendBlockHashes, type BlockHash, type ExtraKeys } from './block_hash.js';

export interface KvCacheRequestOptions {
  /** C, tokens per hashed block: that of the cache. */
  blockSize: number;
  /** What decides the keys beside the tokens, for every block. */
  extraKeys?: ExtraKeys;
  /** Keeps equal prompts of different tenants apart. */
  cacheSalt?: string;
  /**
   * Tokens that the request's R-SWA layers see from everywhere, as `rswaPrefixLens` says to the metadata; those layers then
   * give back blocks between them and the window. Default: unknown, nothing is given back.
   */
  rswaPrefixLen?: number;
  /** Whether to compute even what is cached, e.g. for the prompt's own scores. Default false. */
  skipReadingPrefixCache?: boolean;
}

/**
 * One request as cache management sees it (vLLM `Request`): its tokens, how many of them are computed, and the hashes of
 * its full blocks, kept up to date.
 */
export class KvCacheRequest {
  /** Tokens whose keys are in the cache; the scheduler moves it. */
  numComputedTokens = 0;
  readonly numPromptTokens: number;
  readonly skipReadingPrefixCache: boolean;
  readonly rswaPrefixLen?: number;
  /** One for each full block of {@link allTokenIds}. */
  readonly blockHashes: readonly BlockHash[];
  private readonly hashes: BlockHash[] = [];
  private readonly tokens: number[];
  private readonly blockSize: number;
  private readonly extraKeys: ExtraKeys;
  private readonly firstExtraKeys: ExtraKeys;

  constructor(
    readonly requestId: string,
    promptTokenIds: Iterable<number>,
    options: KvCacheRequestOptions,
  ) {
    const { blockSize, extraKeys = [], cacheSalt, skipReadingPrefixCache = false } = options;
    checkInt(blockSize, 'KvCacheRequest', 'blockSize', 1);
    check(requestId !== '', 'KvCacheRequest', 'requestId must not be empty');
    this.tokens = [...promptTokenIds];
    this.tokens.forEach((id) => checkInt(id, 'KvCacheRequest', 'promptTokenIds', 0));
    this.numPromptTokens = this.tokens.length;
    this.blockSize = blockSize;
    this.extraKeys = extraKeys;
    // Later blocks are chained to the first, so a salt there reaches them all.
    this.firstExtraKeys =
      cacheSalt === undefined ? extraKeys : [...extraKeys, 'cacheSalt', cacheSalt];
    const { rswaPrefixLen } = options;
    if (rswaPrefixLen !== undefined) {
      checkInt(rswaPrefixLen, 'KvCacheRequest', 'rswaPrefixLen', 0);
      this.rswaPrefixLen = rswaPrefixLen;
    }
    this.skipReadingPrefixCache = skipReadingPrefixCache;
    this.blockHashes = this.hashes;
    this.hashNewBlocks();
  }

  get allTokenIds(): readonly number[] {
    return this.tokens;
  }

  get numTokens(): number {
    return this.tokens.length;
  }

  /** Adds generated tokens. */
  append(tokenIds: Iterable<number>): void {
    const added = [...tokenIds];
    added.forEach((id) => checkInt(id, 'KvCacheRequest.append', 'tokenIds', 0));
    this.tokens.push(...added);
    this.hashNewBlocks();
  }

  private hashNewBlocks(): void {
    extendBlockHashes(this.hashes, this.tokens, this.blockSize, (block) => this.keysOf(block));
  }

  /** Behind its prefix a token's keys depend on where that ended, in the first block already if it ends there. */
  private keysOf(block: number): ExtraKeys {
    const keys = block === 0 ? this.firstExtraKeys : this.extraKeys;
    const { rswaPrefixLen } = this;
    const inside = rswaPrefixLen === undefined || (block + 1) * this.blockSize <= rswaPrefixLen;
    return inside ? keys : [...keys, 'rswaPrefixLen', rswaPrefixLen];
  }
}
