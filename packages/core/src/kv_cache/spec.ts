import { check, checkInt } from '../problem/checks.js';
import type { KvCacheDtype } from '../problem/params.js';
import { bytesPerElement, hasTokenScales } from './dtypes.js';

/** What a spec asks of a cache. */
export interface KvCacheSpecOptions {
  /** C, tokens per block. */
  blockSize: number;
  /** K */
  numKvHeads: number;
  /** H of keys. */
  headSize: number;
  /** Hv of values; default headSize. */
  valueHeadSize?: number;
}

/**
 * One layer's cache geometry (vLLM `vllm.v1.kv_cache_interface.KVCacheSpec`): blocks `[P, C, K, H]` for keys and
 * `[P, C, K, Hv]` for values.
 */
export abstract class KvCacheSpec {
  readonly blockSize: number;
  readonly numKvHeads: number;
  readonly headSize: number;
  readonly valueHeadSize: number;

  constructor(options: KvCacheSpecOptions) {
    const { blockSize, numKvHeads, headSize, valueHeadSize = headSize } = options ?? {};
    const name = new.target.name;
    checkInt(blockSize, name, 'blockSize', 1);
    checkInt(numKvHeads, name, 'numKvHeads', 1);
    checkInt(headSize, name, 'headSize', 1);
    checkInt(valueHeadSize, name, 'valueHeadSize', 1);
    this.blockSize = blockSize;
    this.numKvHeads = numKvHeads;
    this.headSize = headSize;
    this.valueHeadSize = valueHeadSize;
  }

  /** Bytes of one block, scales included (vLLM `page_size_bytes`). 16 tokens, 2 heads of 64, float32: 16384. */
  pageSizeBytes(dtype: KvCacheDtype): number {
    const lanes = this.headSize + this.valueHeadSize;
    const perHead = lanes * bytesPerElement(dtype) + (hasTokenScales(dtype) ? 8 : 0);
    return this.blockSize * this.numKvHeads * perHead;
  }

  /** Most blocks that one sequence of `numTokens` tokens holds at once. */
  maxBlocksPerSeq(numTokens: number): number {
    return Math.ceil(numTokens / this.blockSize);
  }
}

/** Every key stays: causal decoders and encoder outputs kept whole. */
export class FullAttentionSpec extends KvCacheSpec {}

/** Keys written once from the encoder and read by every decoder step. */
export class CrossAttentionSpec extends KvCacheSpec {}

/** Only the last `slidingWindow` keys are needed, so older blocks may be freed. */
export class SlidingWindowSpec extends KvCacheSpec {
  readonly slidingWindow: number;

  constructor(options: KvCacheSpecOptions & { slidingWindow: number }) {
    super(options);
    checkInt(options.slidingWindow, 'SlidingWindowSpec', 'slidingWindow', 1);
    this.slidingWindow = options.slidingWindow;
  }

  /** One block more than the window fills: it may start in the middle of a block. */
  override maxBlocksPerSeq(numTokens: number): number {
    const tokens = Math.min(numTokens, this.slidingWindow - 1 + this.blockSize);
    return Math.min(Math.ceil(tokens / this.blockSize) + 1, super.maxBlocksPerSeq(numTokens));
  }
}

/** Only the chunk of the current token is needed. */
export class ChunkedLocalAttentionSpec extends KvCacheSpec {
  readonly attentionChunkSize: number;

  constructor(options: KvCacheSpecOptions & { attentionChunkSize: number }) {
    super(options);
    checkInt(options.attentionChunkSize, 'ChunkedLocalAttentionSpec', 'attentionChunkSize', 1);
    this.attentionChunkSize = options.attentionChunkSize;
  }

  override maxBlocksPerSeq(numTokens: number): number {
    const tokens = Math.min(numTokens, this.attentionChunkSize + this.blockSize);
    return Math.min(Math.ceil(tokens / this.blockSize) + 1, super.maxBlocksPerSeq(numTokens));
  }
}

/** One latent head whose value is the first `valueHeadSize` lanes' worth of its own storage (H = 576, Hv = 512). */
export class MLAAttentionSpec extends KvCacheSpec {
  constructor(options: KvCacheSpecOptions) {
    super(options);
    check(
      options.numKvHeads === 1,
      'MLAAttentionSpec',
      `numKvHeads must be 1 (one latent head), got ${options.numKvHeads}`,
    );
  }
}
