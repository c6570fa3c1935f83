import { tensor1d, type Tensor2D } from '@tensorflow/tfjs-core';
import { KvCacheManager } from '@tfjs-attention/core';
import type { DecoderModel } from '../model/model.js';
import type { CacheOptions } from '../runner/kv_caches.js';
import { ModelRunner } from '../runner/model_runner.js';
import type { Sampling } from '../runner/sampler.js';
import type { ServingRequest } from './request.js';
import { sampleRows } from './sample_rows.js';
import {
  Scheduler,
  type ScheduledRequest,
  type SchedulerOptions,
  type SchedulerStats,
} from './scheduler.js';

export interface EngineOptions extends CacheOptions, SchedulerOptions {
  /** P, the null block included. */
  numBlocks: number;
  /** Tokens that a prompt and its continuation may have together. */
  maxModelLen: number;
  prefixCaching: boolean;
  sampling: Sampling;
}

/** Runs what the scheduler decides: one packed step of the model for all requests, then one token a request. */
export class Engine {
  private readonly runner: ModelRunner;
  private readonly manager: KvCacheManager;
  private readonly scheduler: Scheduler;
  private readonly sampling: Sampling;
  private mostBlocks = 0;

  constructor(model: DecoderModel, options: EngineOptions) {
    this.runner = new ModelRunner(model, options, () => options.numBlocks);
    this.manager = new KvCacheManager({
      kvCacheConfig: this.runner.caches.config,
      maxModelLen: options.maxModelLen,
      enableCaching: options.prefixCaching,
    });
    this.scheduler = new Scheduler(this.manager, options);
    this.sampling = options.sampling;
  }

  get hasUnfinished(): boolean {
    return this.scheduler.hasUnfinished;
  }

  get stats(): SchedulerStats {
    return this.scheduler.stats;
  }

  /** Its turn comes after those added before it; other requests may be under way. */
  add(request: ServingRequest): void {
    this.scheduler.add(request);
  }

  /** Runs one step; returns the requests that it finished. */
  async step(): Promise<readonly ServingRequest[]> {
    const scheduled = this.scheduler.schedule();
    if (scheduled.length === 0) return [];
    this.mostBlocks = Math.max(this.mostBlocks, this.usedBlocks());
    this.runner.caches.copyBlocks(this.manager.takeBlockCopies());
    const scores = this.compute(scheduled);
    const sampledIds = scores === undefined ? [] : await this.sample(scores, scheduled);
    return this.scheduler.update(scheduled, sampledIds);
  }

  /** What the caches take; blocks in use at most, and now. */
  memory() {
    const { bytes, config } = this.runner.caches;
    const groups = config.kvCacheGroups.map(({ layerNames }) => layerNames.length);
    const { mostBlocks } = this;
    return {
      bytes,
      numBlocks: config.numBlocks,
      groups,
      mostBlocks,
      usedBlocks: this.usedBlocks(),
    };
  }

  /** Frees the caches; the model stays. */
  dispose(): void {
    this.runner.dispose();
  }

  private usedBlocks(): number {
    const { blockPool } = this.manager;
    return blockPool.numGpuBlocks - 1 - blockPool.getNumFreeBlocks();
  }

  /** Scores `[W, V]` after the last token of each request that samples. */
  private compute(scheduled: readonly ScheduledRequest[]): Tensor2D | undefined {
    const ids = scheduled.flatMap(({ request, start, count }) =>
      request.allTokenIds.slice(start, start + count),
    );
    const steps = scheduled.map(({ request, start, count }) => {
      const blockIds = this.manager.getBlockIds(request.requestId);
      return { start, count, blockIds };
    });
    const tokens = tensor1d(ids, 'int32');
    try {
      return this.runner.step(tokens, steps, lastTokens(scheduled));
    } finally {
      tokens.dispose();
    }
  }

  /** The chosen ids are all that is read back. */
  private async sample(
    scores: Tensor2D,
    scheduled: readonly ScheduledRequest[],
  ): Promise<Int32Array> {
    const rows = scheduled
      .filter(({ samples }) => samples)
      .map(({ request: { index, numOutputTokens } }) => ({ index, step: numOutputTokens }));
    const chosen = sampleRows(scores, rows, this.sampling);
    scores.dispose();
    try {
      return await chosen.data<'int32'>();
    } finally {
      chosen.dispose();
    }
  }
}

/** Where the last token of each request that samples stands in the packed step. */
function lastTokens(scheduled: readonly ScheduledRequest[]): number[] {
  const last: number[] = [];
  let end = 0;
  for (const { count, samples } of scheduled) {
    end += count;
    if (samples) last.push(end - 1);
  }
  return last;
}
