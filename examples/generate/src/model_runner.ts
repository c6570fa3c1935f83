import { slice, tensor1d, tidy, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core';
import {
  FullAttentionSpec,
  KvCache,
  SlidingWindowSpec,
  withForwardContext,
  type KvCacheOptions,
} from '@tfjs-attention/core';
import { BlockPool } from './block_pool.js';
import type { LlamaModel } from './model.js';
import { blocksNeeded, PagedSequence } from './paged_sequence.js';

export interface RunnerOptions {
  /** Tokens that prompt and continuation may have together. */
  maxTokens: number;
  /** C, tokens a cache block. */
  blockSize: number;
  /** Most tokens of one prefill step. */
  prefillChunk: number;
  kvCacheDtype: KvCacheOptions['dtype'];
}

/** Runs a model over one sequence: owns the caches, the blocks and the step's plan (vLLM's model runner, for one user). */
export class ModelRunner {
  readonly kvCaches: Readonly<Record<string, KvCache>>;
  private readonly pool: BlockPool;
  private readonly sequence: PagedSequence;

  constructor(
    private readonly model: LlamaModel,
    private readonly options: RunnerOptions,
  ) {
    const { slidingWindows } = model.config;
    const { blockSize, maxTokens, prefillChunk } = options;
    // Layers share the blocks, so one layer without a window keeps them all.
    const windows = slidingWindows.filter((window) => window !== null);
    const window = windows.length === slidingWindows.length ? Math.max(...windows) : null;
    const paging = { blockSize, window };
    this.pool = new BlockPool(blocksNeeded(maxTokens, Math.min(prefillChunk, maxTokens), paging));
    this.sequence = new PagedSequence(this.pool, paging);
    this.kvCaches = this.makeCaches();
  }

  /** Feeds the prompt in chunks; returns the scores `[1, V]` after its last token. */
  prefill(ids: readonly number[], onTokens: (done: number) => void = () => undefined): Tensor2D {
    const { prefillChunk } = this.options;
    for (let start = 0; ; start += prefillChunk) {
      const chunk = ids.slice(start, start + prefillChunk);
      const isLast = start + chunk.length >= ids.length;
      const scores = tidy(() => {
        const hidden = this.step(tensor1d(chunk, 'int32'));
        return isLast ? this.lastScores(hidden) : undefined;
      });
      onTokens(start + chunk.length);
      if (scores !== undefined) return scores;
    }
  }

  /** Feeds one token `[1]` (int32) that may never have left the device; returns the scores `[1, V]` after it. */
  decode(token: Tensor1D): Tensor2D {
    return tidy(() => this.model.logits(this.step(token)));
  }

  /** Feeds tokens in one step; returns the scores `[T, V]` after each, e.g. to measure a text's likelihood. */
  score(ids: readonly number[]): Tensor2D {
    return tidy(() => this.model.logits(this.step(tensor1d([...ids], 'int32'))));
  }

  /** Bytes of all layers' caches: held, and in blocks that are taken. */
  memory(): { bytes: number; usedBytes: number; numBlocks: number } {
    const caches = Object.values(this.kvCaches).map((cache) => cache.memory());
    const bytes = caches.reduce((sum, cache) => sum + cache.bytes, 0);
    const { numBlocks, numUsed } = this.pool;
    return { bytes, usedBytes: (bytes / numBlocks) * numUsed, numBlocks };
  }

  /** Frees the caches; the model stays. */
  dispose(): void {
    Object.values(this.kvCaches).forEach((cache) => cache.dispose());
  }

  private step(ids: Tensor1D): Tensor2D {
    const position = this.sequence.length;
    const plan = this.sequence.append(ids.size);
    try {
      return withForwardContext({ attnMetadata: plan, kvCaches: this.kvCaches }, () =>
        this.model.hidden(ids, position),
      );
    } finally {
      plan.dispose();
    }
  }

  private lastScores(hidden: Tensor2D): Tensor2D {
    return this.model.logits(slice(hidden, [hidden.shape[0] - 1, 0], [1, -1]));
  }

  private makeCaches(): Record<string, KvCache> {
    const { layerNames, config } = this.model;
    const { blockSize, kvCacheDtype: dtype } = this.options;
    const { numKvHeads, headSize, slidingWindows } = config;
    const geometry = { blockSize, numKvHeads, headSize };
    const caches: Record<string, KvCache> = {};
    try {
      for (const [i, slidingWindow] of slidingWindows.entries()) {
        const spec =
          slidingWindow === null
            ? new FullAttentionSpec(geometry)
            : new SlidingWindowSpec({ ...geometry, slidingWindow });
        caches[layerNames[i]] = new KvCache(spec, { numBlocks: this.pool.numBlocks, dtype });
      }
    } catch (error) {
      Object.values(caches).forEach((cache) => cache.dispose());
      throw error;
    }
    return caches;
  }
}
