import { reshape, serialization, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import { getForwardContext, layerContext, type ForwardContext } from '../forward_context.js';
import { flashAttention } from '../ops/flash_attention.js';
import { pagedAttention } from '../ops/paged_attention.js';
import { reshapeAndCache } from '../ops/reshape_and_cache.js';
import type { AttentionOptions } from '../problem/options.js';
import { check, shapeText } from '../problem/checks.js';
import { readConfig, type AttentionArgs, type AttentionConfig } from './attention_config.js';
import { isApart, splitHeads } from './heads.js';
import { classNameAsRead, restoreConfig } from './serialized.js';

type Shape = (number | null)[];

let unnamed = 0;

/**
 * The attention layer (vLLM `vllm.attention.layer.Attention`): no weights, only heads, scale and mask rules.
 *
 * Inputs `[q, k, v]`, each `[*, N*H]` or `[*, N, H]`, or one packed `[B, S, (N+K)*H + K*Hv]` (for `tf.sequential`); the
 * output has q's form with Hv. Inside `withForwardContext` it writes k and v to the cache under its name and attends
 * to that cache, with all leading axes packed to T tokens. Without a context it is dense over `[B, S, ...]`: causal for
 * attnType 'decoder', both ways for the others.
 *
 * ```js
 * const attention = new Attention({name: 'layers.0.attn', numHeads: 8, headSize: 64, numKvHeads: 2, slidingWindow: 4});
 * const y = attention.apply([q, k, v]);  // token 9 sees tokens 6, 7, 8, 9
 * ```
 *
 * @throws InvalidArgumentError for a bad config or shape; MissingMetadataError where the context has no entry for it.
 */
export class Attention extends layers.Layer {
  /** tfjs looks classes up by this bare name, so it carries the package. */
  static className = 'tfjs_attention>Attention';
  readonly config: AttentionConfig;

  constructor(args: AttentionArgs) {
    // A name that tfjs would make of the class name holds '>', which it refuses in names of tensors.
    super({ ...args, name: args?.name ?? `attention_${++unnamed}` });
    this.config = readConfig('Attention', args);
  }

  override call(
    inputs: Tensor | Tensor[],
    kwargs: { forwardContext?: ForwardContext } = {},
  ): Tensor {
    const op = `Attention '${this.name}'`;
    return tidy(() => {
      const list = Array.isArray(inputs) ? inputs : [inputs];
      const { q, k, v, leading, apart } = splitHeads(op, list, this.config);
      const context = kwargs?.forwardContext ?? getForwardContext();
      const out = context ? this.cached(context, q, k, v) : this.dense(op, q, k, v);
      const { numHeads, valueHeadSize } = this.config;
      const tail = apart ? [numHeads, valueHeadSize] : [numHeads * valueHeadSize];
      return reshape(out, [...leading, ...tail]);
    });
  }

  /** Attends within `[B, S]`; a rank without B is one sequence. */
  private dense(op: string, q: Tensor, k: Tensor, v: Tensor): Tensor {
    check(
      q.rank === 3 || q.rank === 4,
      op,
      `without a forward context q must be [S, ...] or [B, S, ...], got ${shapeText(q.shape)} with heads apart`,
    );
    const batched = (x: Tensor) => (x.rank === 3 ? reshape(x, [1, ...x.shape]) : x);
    return flashAttention(batched(q), batched(k), batched(v), this.options());
  }

  /** Writes the new tokens and attends to the cache. */
  private cached(context: ForwardContext, q: Tensor, k: Tensor, v: Tensor): Tensor {
    const { plan, cache } = layerContext(context, this.name);
    const packed = (x: Tensor) => reshape(x, [-1, ...x.shape.slice(-2)]);
    if (plan.slotMapping !== undefined) reshapeAndCache(packed(k), packed(v), cache, plan);
    return pagedAttention(packed(q), cache, plan, this.options());
  }

  private options(): AttentionOptions & { returnLse?: false } {
    const { scale, alibiSlopes, slidingWindow, logitsSoftCap, sinks, attnType, attnBackend } =
      this.config;
    return {
      softmaxScale: scale,
      causal: attnType === 'decoder',
      logitsSoftCap,
      implementation: attnBackend,
      ...(alibiSlopes && { alibiSlopes }),
      ...(slidingWindow !== null && { slidingWindow }),
      ...(sinks && { sinks }),
    };
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const { numHeads, headSize, valueHeadSize } = this.config;
    const several = Array.isArray(inputShape[0]);
    const q = (several ? inputShape[0] : inputShape) as Shape;
    const tail =
      isApart(q, numHeads, headSize) && several ? [valueHeadSize] : [numHeads * valueHeadSize];
    return [...q.slice(0, -1), ...tail];
  }

  override getConfig(): serialization.ConfigDict {
    return { ...super.getConfig(), ...(this.config as unknown as serialization.ConfigDict) };
  }

  static override fromConfig<T extends serialization.Serializable>(
    cls: serialization.SerializableConstructor<T>,
    config: serialization.ConfigDict,
  ): T {
    return new cls(restoreConfig(config));
  }
}

/** What a saved model's class name reads as; makes an `Attention`. */
class AttentionAsRead extends Attention {
  static override className = classNameAsRead(Attention.className);

  static override fromConfig<T extends serialization.Serializable>(
    _cls: serialization.SerializableConstructor<T>,
    config: serialization.ConfigDict,
  ): T {
    return new Attention(restoreConfig(config) as unknown as AttentionArgs) as unknown as T;
  }
}

serialization.registerClass(Attention);
serialization.registerClass(AttentionAsRead);
