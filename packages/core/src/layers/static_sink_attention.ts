import { concat, expandDims, tile, type serialization, type Tensor } from '@tensorflow/tfjs-core';
import { initializers, type LayerVariable } from '@tensorflow/tfjs-layers';
import type { AttentionBackend } from '../backends/abstract.js';
import type { VllmConfig } from '../config.js';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { SinkFullAttentionSpec } from '../kv_cache/spec.js';
import { oncePerBackend, transformingBackend } from '../metadata/subclass_backend.js';
import { reshapeAndCache } from '../ops/reshape_and_cache.js';
import { slotPlan } from '../ops/slot_plan.js';
import { check, checkInt } from '../problem/checks.js';
import { Attention } from './attention.js';
import type { AttentionArgs } from './attention_config.js';
import { specOptions } from './attention_spec.js';
import type { DenseInputs } from './dense.js';
import { registerLayerClass } from './serializable.js';
import { FIRST_SINK_BLOCK, prependSinkBlocks, sinkSlots } from './sink_blocks.js';

type Shape = (number | null)[];

const OP = 'StaticSinkAttention';

/** A strategy whose builder puts blocks of learned keys in front (vLLM `create_static_sink_attention_backend`). */
export const createStaticSinkAttentionBackend = oncePerBackend(
  (underlying, sinkLen: number): typeof AttentionBackend =>
    transformingBackend(`StaticSink_${sinkLen}_`, underlying, (common, { kvCacheSpec }) =>
      prependSinkBlocks(common, sinkLen, kvCacheSpec.blockSize),
    ),
);

export interface StaticSinkAttentionArgs extends AttentionArgs {
  /** Learned tokens; over a cache a multiple of its block size. */
  sinkLen: number;
}

/**
 * Attention with `sinkLen` learned keys and values in front of every sequence (vLLM `StaticSinkAttention`): weights
 * `sink_key` `[sinkLen, K, H]` and `sink_value` `[sinkLen, K, Hv]`, trainable in dense use. Over a cache they lie in the
 * reserved blocks 1 to sinkLen / C, which no request may be given; they are written when a cache is first used and again
 * when the weights have changed. Not to be confused with `sinks`, logits without values.
 *
 * @throws InvalidArgumentError for a window, in which they would not stay visible, or an attnType other than 'decoder'.
 */
export class StaticSinkAttention extends Attention {
  static override className = 'tfjs_attention>StaticSinkAttention';
  readonly sinkLen: number;
  private sinkKey?: LayerVariable;
  private sinkValue?: LayerVariable;
  /** Which weights every cache holds: a variable that is assigned has other data. */
  private readonly populated = new WeakMap<KvCache, readonly object[]>();

  constructor(args: StaticSinkAttentionArgs) {
    const { sinkLen, attnType = 'decoder', slidingWindow, perLayerSlidingWindow } = args ?? {};
    checkInt(sinkLen, OP, 'sinkLen', 1);
    const window = perLayerSlidingWindow ?? slidingWindow ?? args.cacheConfig?.slidingWindow;
    check(
      window == null,
      OP,
      `a sliding window (${window}) would hide the learned tokens; RSWAAttention keeps the first tokens visible`,
    );
    check(attnType === 'decoder', OP, `attnType must be 'decoder', got '${attnType}'`);
    super(args);
    this.sinkLen = sinkLen;
  }

  override build(inputShape: Shape | Shape[]): void {
    const { numKvHeads, headSize, valueHeadSize } = this.config;
    const make = (name: string, size: number) => {
      const initializer = initializers.randomNormal({ mean: 0, stddev: 0.02 });
      return this.addWeight(name, [this.sinkLen, numKvHeads, size], 'float32', initializer);
    };
    this.sinkKey = make('sink_key', headSize);
    this.sinkValue = make('sink_value', valueHeadSize);
    super.build(inputShape);
  }

  /** Other learned tokens: `[sinkLen, K, H]` and `[sinkLen, K, Hv]`. */
  updateSinkKv(sinkKey: Tensor, sinkValue: Tensor): void {
    const { key, value } = this.sinks();
    for (const [name, given, wanted] of [
      ['sinkKey', sinkKey, key],
      ['sinkValue', sinkValue, value],
    ] as const) {
      check(
        given.shape.join() === wanted.shape.join(),
        OP,
        `${name} must be [${wanted.shape.join(', ')}], got [${given.shape.join(', ')}]`,
      );
    }
    this.sinkKey?.write(sinkKey);
    this.sinkValue?.write(sinkValue);
  }

  /** Writes the learned tokens to their blocks, where they are not there yet (vLLM `populate_sink_kv`). */
  populateSinkKv(kvCache: KvCache): void {
    const { key, value } = this.sinks();
    const now = [key.dataId, value.dataId];
    const before = this.populated.get(kvCache);
    if (before?.every((dataId, i) => dataId === now[i])) return;
    const { blockSize, numBlocks } = kvCache.layout;
    const last = FIRST_SINK_BLOCK + Math.ceil(this.sinkLen / blockSize) - 1;
    check(
      last < numBlocks,
      OP,
      `the learned tokens need blocks ${FIRST_SINK_BLOCK} to ${last}, the cache has ${numBlocks}`,
    );
    const plan = slotPlan(sinkSlots(this.sinkLen, blockSize));
    reshapeAndCache(key, value, kvCache, plan);
    plan.dispose();
    this.populated.set(kvCache, now);
  }

  override prepareCache(kvCache: KvCache): void {
    super.prepareCache(kvCache);
    this.populateSinkKv(kvCache);
  }

  protected override denseInputs(inputs: DenseInputs): DenseInputs {
    const { k, v } = inputs;
    if (k === null || v === null) return inputs;
    const { key, value } = this.sinks();
    return { ...inputs, k: inFront(key, k), v: inFront(value, v), keysInFront: this.sinkLen };
  }

  private sinks(): { key: Tensor; value: Tensor } {
    check(
      this.sinkKey !== undefined && this.sinkValue !== undefined,
      OP,
      'the weights are not there yet: call apply, or build the model, first',
    );
    return { key: this.sinkKey.read(), value: this.sinkValue.read() };
  }

  protected override wrapBackend(backend: typeof AttentionBackend): typeof AttentionBackend {
    return createStaticSinkAttentionBackend(backend, this.sinkLen);
  }

  override getKvCacheSpec(vllmConfig: VllmConfig): SinkFullAttentionSpec {
    return new SinkFullAttentionSpec({ ...specOptions(this, vllmConfig), sinkLen: this.sinkLen });
  }

  protected override ownConfig(): serialization.ConfigDict {
    return { sinkLen: this.sinkLen };
  }
}

/** Learned tokens `[L, K, H]` before tokens `[S, K, H]` or `[B, S, K, H]`. */
function inFront(learned: Tensor, tokens: Tensor): Tensor {
  if (tokens.rank === 3) return concat([learned, tokens], 0);
  const batch = tokens.shape[0];
  return concat([tile(expandDims(learned, 0), [batch, 1, 1, 1]), tokens], 1);
}

registerLayerClass(StaticSinkAttention);
