import { gather, tensor1d, tidy, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core';
import { withForwardContext } from '@tfjs-attention/core';
import type { DecoderModel } from '../model/model.js';
import { cacheSpecs, KvCaches, type CacheOptions, type CacheSpecs } from './kv_caches.js';
import { planStep, type SequenceStep } from './step_plan.js';

/** Runs steps of a model over any sequences: owns the caches and makes each step's plan (vLLM's model runner). */
export class ModelRunner {
  readonly caches: KvCaches;

  /** `numBlocks`, the null block included, may depend on what the layers keep. */
  constructor(
    readonly model: DecoderModel,
    options: CacheOptions,
    numBlocks: (specs: CacheSpecs) => number,
  ) {
    const specs = cacheSpecs(model.layerNames, model.config, options);
    this.caches = new KvCaches(specs, numBlocks(specs));
  }

  /**
   * Feeds token `ids` `[T]` (int32, packed as `steps` says), which may never have left the device.
   *
   * @returns scores `[W, V]` after those of the T tokens that `wanted` names; undefined where it names none.
   */
  step(
    ids: Tensor1D,
    steps: readonly SequenceStep[],
    wanted: readonly number[] | 'all',
  ): Tensor2D | undefined {
    const { config, byLayer: kvCaches } = this.caches;
    const { attnMetadata, positions, dispose } = planStep(steps, config);
    try {
      return tidy(() => {
        const hidden = withForwardContext({ attnMetadata, kvCaches }, () =>
          this.model.hidden(ids, tensor1d(positions, 'int32')),
        );
        if (wanted === 'all' || wanted.length === hidden.shape[0]) return this.model.logits(hidden);
        if (wanted.length === 0) return undefined;
        return this.model.logits(gather(hidden, tensor1d([...wanted], 'int32')));
      });
    } finally {
      dispose();
    }
  }

  /** Frees the caches; the model stays. */
  dispose(): void {
    this.caches.dispose();
  }
}
