import type { VllmConfig } from '../../config.js';
import { check, checkInt } from '../../problem/checks.js';
import { AttentionKvCacheSpec, type KvCacheSpecOptions } from './attention.js';

/** Only the last `slidingWindow` keys are needed, so older blocks may be freed. */
export class SlidingWindowSpec extends AttentionKvCacheSpec {
  readonly slidingWindow: number;

  constructor(options: KvCacheSpecOptions & { slidingWindow: number }) {
    super(options);
    checkInt(options.slidingWindow, 'SlidingWindowSpec', 'slidingWindow', 1);
    this.slidingWindow = options.slidingWindow;
  }

  /** One block more than the window and a whole step fill: the window may start in the middle of a block. */
  override maxMemoryUsageBytes(vllmConfig: VllmConfig): number {
    const { modelConfig, schedulerConfig, parallelConfig } = vllmConfig;
    check(
      (parallelConfig?.decodeContextParallelSize ?? 1) === 1,
      'SlidingWindowSpec.maxMemoryUsageBytes',
      'decodeContextParallelSize must be 1: a window is not dealt to several ranks',
    );
    const tokens = Math.min(
      this.slidingWindow - 1 + schedulerConfig.maxNumBatchedTokens,
      modelConfig.maxModelLen,
    );
    return (Math.ceil(tokens / this.blockSize) + 1) * this.pageSizeBytes();
  }

  /** One block more than the window fills: it may start in the middle of a block. */
  override maxBlocksPerSeq(numTokens: number): number {
    const tokens = Math.min(numTokens, this.slidingWindow - 1 + this.blockSize);
    return Math.min(Math.ceil(tokens / this.blockSize) + 1, super.maxBlocksPerSeq(numTokens));
  }
}

/** Only the chunk of the current token is needed. */
export class ChunkedLocalAttentionSpec extends AttentionKvCacheSpec {
  readonly attentionChunkSize: number;

  constructor(options: KvCacheSpecOptions & { attentionChunkSize: number }) {
    super(options);
    checkInt(options.attentionChunkSize, 'ChunkedLocalAttentionSpec', 'attentionChunkSize', 1);
    this.attentionChunkSize = options.attentionChunkSize;
  }

  override maxMemoryUsageBytes({ modelConfig, schedulerConfig }: VllmConfig): number {
    const tokens = Math.min(
      this.attentionChunkSize + schedulerConfig.maxNumBatchedTokens,
      modelConfig.maxModelLen,
    );
    return Math.ceil(tokens / this.blockSize) * this.pageSizeBytes();
  }

  override maxBlocksPerSeq(numTokens: number): number {
    const tokens = Math.min(numTokens, this.attentionChunkSize + this.blockSize);
    return Math.min(Math.ceil(tokens / this.blockSize) + 1, super.maxBlocksPerSeq(numTokens));
  }
}
