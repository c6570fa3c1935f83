import { tensor1d, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core';
import { KvCacheManager, KvCacheRequest } from '@tfjs-attention/core';
import type { DecoderModel } from '../model/model.js';
import { demand } from '../user_error.js';
import { attentionWeights } from './attention_weights.js';
import { blocksForOne, type CacheOptions } from './kv_caches.js';
import { ModelRunner } from './model_runner.js';

export interface SequenceRunnerOptions extends CacheOptions {
  /** Tokens that prompt and continuation may have together. */
  maxTokens: number;
  /** Most tokens of one prefill step. */
  prefillChunk: number;
}

/** Runs a model over one sequence, in a cache that just holds it. */
export class SequenceRunner {
  private readonly runner: ModelRunner;
  private readonly manager: KvCacheManager;
  private readonly request: KvCacheRequest;

  constructor(
    model: DecoderModel,
    private readonly options: SequenceRunnerOptions,
  ) {
    const { blockSize, maxTokens, prefillChunk } = options;
    this.runner = new ModelRunner(model, options, (specs) =>
      blocksForOne(specs, maxTokens, Math.min(prefillChunk, maxTokens)),
    );
    this.manager = new KvCacheManager({
      kvCacheConfig: this.runner.caches.config,
      maxModelLen: maxTokens,
      enableCaching: false,
    });
    this.request = new KvCacheRequest('sequence', [], { blockSize });
  }

  /** Feeds the prompt in chunks; returns the scores `[1, V]` after its last token. */
  prefill(ids: readonly number[], onTokens: (done: number) => void = () => undefined): Tensor2D {
    const { prefillChunk } = this.options;
    for (let start = 0; ; start += prefillChunk) {
      const chunk = ids.slice(start, start + prefillChunk);
      const isLast = start + chunk.length >= ids.length;
      const scores = this.feed(chunk, isLast ? [chunk.length - 1] : []);
      onTokens(start + chunk.length);
      if (scores !== undefined) return scores;
    }
  }

  /** Feeds one token: its id, and the tensor `[1]` of it that may never have left the device. */
  decode(id: number, token: Tensor1D): Tensor2D {
    return this.step([id], token, 'all') as Tensor2D;
  }

  /** Feeds tokens in one step; returns the scores `[T, V]` after each, e.g. to measure a text's likelihood. */
  score(ids: readonly number[]): Tensor2D {
    return this.feed(ids, 'all') as Tensor2D;
  }

  /** How much each head of a layer looks at each key: `[N, position + 1]` for a token that was fed. */
  attentionWeights(position: number, layer: number): Tensor2D {
    const { allTokenIds, numComputedTokens, requestId } = this.request;
    demand(
      Number.isInteger(position) && position >= 0 && position < numComputedTokens,
      `token ${position} is not in the cache, which holds ${numComputedTokens}`,
    );
    const blockIds = this.manager.getBlockIds(requestId);
    return attentionWeights(this.runner, { id: allTokenIds[position], position, blockIds }, layer);
  }

  /** Tokens in the cache. */
  get numTokens(): number {
    return this.request.numComputedTokens;
  }

  /** What the caches take. */
  memory(): { bytes: number; usedBytes: number; numBlocks: number; groups: readonly number[] } {
    const { bytes, config } = this.runner.caches;
    const { blockPool } = this.manager;
    const { numBlocks, kvCacheGroups } = config;
    const numUsed = numBlocks - 1 - blockPool.getNumFreeBlocks();
    const groups = kvCacheGroups.map(({ layerNames }) => layerNames.length);
    return { bytes, usedBytes: (bytes / numBlocks) * numUsed, numBlocks, groups };
  }

  /** Frees the caches; the model stays. */
  dispose(): void {
    this.runner.dispose();
  }

  private feed(ids: readonly number[], wanted: readonly number[] | 'all'): Tensor2D | undefined {
    const tokens = tensor1d([...ids], 'int32');
    try {
      return this.step(ids, tokens, wanted);
    } finally {
      tokens.dispose();
    }
  }

  private step(
    ids: readonly number[],
    tokens: Tensor1D,
    wanted: readonly number[] | 'all',
  ): Tensor2D | undefined {
    const { request, manager } = this;
    const start = request.numComputedTokens;
    const count = ids.length;
    demand(
      start + count <= this.options.maxTokens && manager.allocateSlots(request, count) !== null,
      `the KV cache is full: it was made for ${this.options.maxTokens} tokens, ${start + count} are asked for`,
    );
    request.append(ids);
    const blockIds = manager.getBlockIds(request.requestId);
    const scores = this.runner.step(tokens, [{ start, count, blockIds }], wanted);
    request.numComputedTokens += count;
    return scores;
  }
}
