import { check, checkInt } from '../problem/checks.js';

/** What the decision for cascade attention looks at. */
export interface CascadeOptions {
  /** Keys that all requests share from position 0. */
  commonPrefixLen: number;
  /** `[B]` */
  queryLens: ArrayLike<number>;
  /** N */
  numQueryHeads: number;
  /** K */
  numKvHeads: number;
  useAlibi: boolean;
  useSlidingWindow: boolean;
  useLocalAttention: boolean;
  /** Parallel units of the device: multiprocessors, compute units, threads. See {@link defaultNumSms}. */
  numSms: number;
  /** Ranks that share a sequence's keys. Default 1. */
  dcpWorldSize?: number;
}

const OP = 'useCascadeAttention';
/** Below this the prefix is read from cache memory anyway. */
const MIN_PREFIX = 256;
const MIN_REQUESTS = 8;
const TILE = 128;

/**
 * Whether to attend to a shared prefix once for the whole batch and merge (vLLM `flash_attn.use_cascade_attention`). A
 * prefix under 256 tokens, fewer than 8 requests, ALiBi, a window, local attention or several ranks decide against it.
 * Where a decode kernel would serve the batch, a count of waves of 128 x 128 tiles over `numSms` units decides.
 *
 * ```js
 * const shape = {numQueryHeads: 32, numKvHeads: 8, useAlibi: false, useSlidingWindow: false, useLocalAttention: false};
 * useCascadeAttention({...shape, commonPrefixLen: 255, queryLens: new Int32Array(8).fill(1), numSms: 132});  // false
 * ```
 *
 * @throws InvalidArgumentError for a negative prefix or a count below 1.
 */
export function useCascadeAttention(options: CascadeOptions): boolean {
  const { commonPrefixLen, queryLens, numQueryHeads, numKvHeads, numSms } = options;
  const { dcpWorldSize = 1 } = options;
  checkInt(commonPrefixLen, OP, 'commonPrefixLen', 0);
  checkInt(numQueryHeads, OP, 'numQueryHeads', 1);
  checkInt(numKvHeads, OP, 'numKvHeads', 1);
  checkInt(numSms, OP, 'numSms', 1);
  checkInt(dcpWorldSize, OP, 'dcpWorldSize', 1);
  check(
    numQueryHeads % numKvHeads === 0,
    OP,
    `numQueryHeads ${numQueryHeads} must be a multiple of numKvHeads ${numKvHeads}`,
  );
  const numReqs = queryLens.length;
  if (commonPrefixLen < MIN_PREFIX || numReqs < MIN_REQUESTS || dcpWorldSize > 1) return false;
  if (options.useAlibi || options.useSlidingWindow || options.useLocalAttention) return false;

  const queriesPerKv = numQueryHeads / numKvHeads;
  const decodeKernel = queriesPerKv > 1 && Array.from(queryLens).every((length) => length === 1);
  if (!decodeKernel) return true;
  const prefixTiles = Math.ceil(commonPrefixLen / TILE);
  const cascadeTiles = numQueryHeads * Math.ceil(numReqs / TILE);
  const cascadeTime = Math.ceil(cascadeTiles / numSms) * prefixTiles;
  const decodeTiles = numReqs * numKvHeads * Math.ceil(queriesPerKv / TILE) * prefixTiles;
  return cascadeTime < Math.ceil(decodeTiles / numSms);
}

/**
 * Keys that one pass over a shared prefix may cover: whole blocks that every request has computed, so that each has a token
 * of its own left.
 *
 * @param numCommonPrefixBlocks what the KV cache manager says
 * @param numComputedTokens `[B]`
 */
export function cascadePrefixLen(
  numCommonPrefixBlocks: number,
  blockSize: number,
  numComputedTokens: ArrayLike<number>,
): number {
  checkInt(numCommonPrefixBlocks, 'cascadePrefixLen', 'numCommonPrefixBlocks', 0);
  checkInt(blockSize, 'cascadePrefixLen', 'blockSize', 1);
  const computed = Array.from(numComputedTokens, (tokens) => Math.floor(tokens / blockSize));
  return Math.max(0, Math.min(numCommonPrefixBlocks, ...computed)) * blockSize;
}

/**
 * `numSms` by tfjs backend, where the device does not tell: 64 for those on a GPU, a middling one's count; for the others
 * the threads that share the work.
 */
export function defaultNumSms(tfBackend: string, numThreads = 1): number {
  checkInt(numThreads, 'defaultNumSms', 'numThreads', 1);
  return tfBackend === 'webgl' || tfBackend === 'webgpu' ? 64 : numThreads;
}
