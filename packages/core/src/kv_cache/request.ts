import { check, checkInt } from '../problem/checks.js';
import { extendBlockHashes, type BlockHash, type ExtraKeys } from './block_hash.js';

export interface KvCacheRequestOptions {
  /** C, tokens per hashed block: that of the cache. */
  blockSize: number;
  /** What decides the keys beside the tokens, for every block. */
  extraKeys?: ExtraKeys;
  /** Keeps equal prompts of different tenants apart. */
  cacheSalt?: string;
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
    extendBlockHashes(this.hashes, this.tokens, this.blockSize, (block) =>
      block === 0 ? this.firstExtraKeys : this.extraKeys,
    );
  }
}
