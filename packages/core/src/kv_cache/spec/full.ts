import type { VllmConfig } from '../../config.js';
import { check, checkInt } from '../../problem/checks.js';
import type { KvCacheDtype } from '../../problem/params.js';
import { AttentionKvCacheSpec, type KvCacheSpecOptions } from './attention.js';
import { checkSome, KvCacheSpec } from './base.js';

export interface FullAttentionSpecOptions extends KvCacheSpecOptions {
  /** The layer's window, where all of its keys are kept all the same. */
  slidingWindow?: number | null;
  /** The layer's chunk, likewise. */
  attentionChunkSize?: number | null;
  /** Whether new tokens see each other both ways: then a prompt is never cut and never found in the cache. */
  nonCausal?: boolean;
}

/** Every key stays: causal decoders (vLLM `FullAttentionSpec`). */
export class FullAttentionSpec extends AttentionKvCacheSpec {
  readonly slidingWindow: number | null;
  readonly attentionChunkSize: number | null;
  readonly nonCausal: boolean;

  constructor(options: FullAttentionSpecOptions) {
    super(options);
    const { slidingWindow = null, attentionChunkSize = null, nonCausal = false } = options;
    const name = new.target.name;
    if (slidingWindow !== null) checkInt(slidingWindow, name, 'slidingWindow', 1);
    if (attentionChunkSize !== null) checkInt(attentionChunkSize, name, 'attentionChunkSize', 1);
    this.slidingWindow = slidingWindow;
    this.attentionChunkSize = attentionChunkSize;
    this.nonCausal = nonCausal;
  }

  override maxMemoryUsageBytes({ modelConfig, parallelConfig }: VllmConfig): number {
    const ranks = parallelConfig?.decodeContextParallelSize ?? 1;
    const tokens = Math.ceil(modelConfig.maxModelLen / ranks);
    return Math.ceil(tokens / this.blockSize) * this.pageSizeBytes();
  }

  /** The one window among `sizes`, or null. */
  static mergeWindowSizes(sizes: readonly (number | null)[]): number | null {
    const distinct = [...new Set(sizes.filter((size) => size !== null))];
    check(
      distinct.length <= 1,
      `${this.name}.merge`,
      `layers of one KV cache group must have one window size, got ${distinct.join(' and ')}`,
    );
    return distinct[0] ?? null;
  }

  /** Equal but for windows and chunks: at most one size of one of them, which the result keeps. */
  static override merge(specs: readonly KvCacheSpec[]): FullAttentionSpec {
    checkSome(this.name, specs);
    const full = specs.map((spec) => {
      const isFull = spec instanceof FullAttentionSpec;
      check(isFull, `${this.name}.merge`, `${spec.constructor.name} is no FullAttentionSpec`);
      return spec;
    });
    const slidingWindow = this.mergeWindowSizes(full.map((spec) => spec.slidingWindow));
    const attentionChunkSize = this.mergeWindowSizes(full.map((spec) => spec.attentionChunkSize));
    check(
      slidingWindow === null || attentionChunkSize === null,
      `${this.name}.merge`,
      `a KV cache group cannot have both a window (${slidingWindow}) and a chunk (${attentionChunkSize})`,
    );
    const sizes = { slidingWindow, attentionChunkSize };
    return KvCacheSpec.merge(full.map((spec) => spec.copyWith(sizes))) as FullAttentionSpec;
  }
}

/** Bytes of one token in vLLM's packed latent format: 512 fp8, 4 scales, 64 bfloat16. */
const FP8_DS_MLA_BYTES = 656;

export interface MLAAttentionSpecOptions extends FullAttentionSpecOptions {
  /** 'fp8_ds_mla' = 656 bytes a token; any other text counts as `dtype` says. */
  cacheDtypeStr?: string | null;
}

/** One latent head, stored once: its value is the first `valueHeadSize` lanes of the key (H = 576, Hv = 512). */
export class MLAAttentionSpec extends FullAttentionSpec {
  override readonly valueInKey: boolean = true;
  readonly cacheDtypeStr: string | null;

  constructor(options: MLAAttentionSpecOptions) {
    super(options);
    check(
      options.numKvHeads === 1,
      'MLAAttentionSpec',
      `numKvHeads must be 1 (one latent head), got ${options.numKvHeads}`,
    );
    check(
      this.valueHeadSize <= this.headSize,
      'MLAAttentionSpec',
      `valueHeadSize ${this.valueHeadSize} exceeds headSize ${this.headSize}: a value is the first lanes of its key`,
    );
    this.cacheDtypeStr = options.cacheDtypeStr ?? null;
  }

  override unpaddedPageSizeBytes(dtype: KvCacheDtype = this.dtype ?? 'float32'): number {
    if (this.cacheDtypeStr === 'fp8_ds_mla') return this.blockSize * FP8_DS_MLA_BYTES;
    return super.unpaddedPageSizeBytes(dtype);
  }
}

/** Causal keys that are a prefix or inside a window (vLLM `RSWASpec`): blocks between the two may be freed. */
export class RSWASpec extends FullAttentionSpec {
  readonly rswaWindow: number;

  constructor(options: FullAttentionSpecOptions & { rswaWindow: number }) {
    super(options);
    checkInt(options.rswaWindow, 'RSWASpec', 'rswaWindow', 1);
    this.rswaWindow = options.rswaWindow;
  }
}

/** Blocks with learned keys stand before those of every sequence (vLLM `SinkFullAttentionSpec`). */
export class SinkFullAttentionSpec extends FullAttentionSpec {
  /** Learned tokens, a multiple of the block size. */
  readonly sinkLen: number;

  constructor(options: FullAttentionSpecOptions & { sinkLen: number }) {
    super(options);
    const { sinkLen, blockSize } = options;
    checkInt(sinkLen, 'SinkFullAttentionSpec', 'sinkLen', 1);
    check(
      sinkLen % blockSize === 0,
      'SinkFullAttentionSpec',
      `sinkLen ${sinkLen} must be a multiple of blockSize ${blockSize}`,
    );
    this.sinkLen = sinkLen;
  }
}
