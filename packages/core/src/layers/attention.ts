import { reshape, tidy, type serialization, type Tensor } from '@tensorflow/tfjs-core';
import type { layers } from '@tensorflow/tfjs-layers';
import type { AttentionBackend } from '../backends/abstract.js';
import type { AttentionImpl, AttentionImplExtra, KvCacheDtypeName } from '../backends/impl.js';
import type { VllmConfig } from '../config.js';
import { getForwardContext, type ForwardContext } from '../forward_context.js';
import type { KvCache } from '../kv_cache/kv_cache.js';
import type { AttentionKvCacheSpec } from '../kv_cache/spec.js';
import { check } from '../problem/checks.js';
import type { KvCacheDtype } from '../problem/params.js';
import { validateKvSharingTarget } from '../utils/kv_sharing.js';
import {
  DEFAULT_CACHE,
  readConfig,
  type AttentionArgs,
  type AttentionConfig,
} from './attention_config.js';
import { attentionSpec, storedDtype } from './attention_spec.js';
import { BackendChoice } from './backend_choice.js';
import { attendDense, denseOptionsOf, type DenseInputs, type DenseOptions } from './dense.js';
import { isApart, splitHeads } from './heads.js';
import type { MaskKwargs } from './keras_mask.js';
import { readQuantMethod } from './quant_method.js';
import { QuantizedAttentionLayer } from './quantized_attention_layer.js';
import { registerLayerClass, unnamed } from './serializable.js';
import { protectConfig, restoreArgs, restoreConfig } from './serialized.js';
import {
  checkUniqueName,
  forgetLayer,
  getCurrentVllmConfig,
  registerLayer,
  staticForwardContextOf,
} from './static_forward_context.js';
import { attendInContext } from './unified_attention.js';

type Shape = (number | null)[];
export type CallKwargs = MaskKwargs & { forwardContext?: ForwardContext };

/**
 * The attention layer (vLLM `vllm.attention.layer.Attention`): no weights, only heads, scale and mask rules.
 *
 * Inputs `[q, k, v]`, each `[*, N*H]` or `[*, N, H]`, or one packed `[B, S, (N+K)*H + K*Hv]` (for `tf.sequential`); the
 * output has q's form with Hv. A fourth input is a mask `[B, S]`, `[B, Q, S]` or `[B, N, Q, S]`.
 *
 * Inside `withForwardContext` it writes k and v to the cache under its name and attends to that cache, with all leading
 * axes packed to T tokens. Without a context it is dense over `[B, S, ...]`: causal for attnType 'decoder', both ways for
 * the others; a Keras mask `[B, S]` hides padded keys. Layers that read what others wrote (a sharing target, 'encoder_decoder')
 * also take q alone.
 *
 * ```js
 * const attention = new Attention({name: 'layers.0.attn', numHeads: 8, headSize: 64, numKvHeads: 2, slidingWindow: 4});
 * const y = attention.apply([q, k, v]);  // token 9 sees tokens 6, 7, 8, 9
 * ```
 *
 * @throws InvalidArgumentError for a bad config or shape, or a prefix that a live layer has; MissingMetadataError where the
 *   context has no entry for it.
 */
export class Attention extends QuantizedAttentionLayer {
  /** tfjs looks classes up by this bare name, so it carries the package. */
  static className = 'tfjs_attention>Attention';
  readonly config: AttentionConfig;
  readonly vllmConfig?: VllmConfig;
  /** The type that the cache stores. */
  readonly kvCacheTorchDtype: KvCacheDtype;
  /** What `cacheConfig` named it. */
  readonly kvCacheDtype: KvCacheDtypeName;
  /** Caches bound to the layer, one a virtual engine; a context's `kvCaches` come first. */
  kvCache: KvCache[] = [];
  calculateKvScales: boolean;
  readonly quantMethod: ReturnType<typeof readQuantMethod>;
  private readonly choice: BackendChoice;

  constructor(given: AttentionArgs) {
    const args = restoreArgs(given);
    const { prefix = '', vllmConfig = getCurrentVllmConfig() } = args;
    const name = prefix === '' ? args.name : prefix;
    super({ ...args, name: name ?? unnamed(new.target.className) });
    const op = `${new.target.name} '${this.name}'`;
    check(
      prefix === '' || args.name === undefined || args.name === prefix,
      op,
      `name '${args.name}' and prefix '${prefix}' are one argument: give one of them`,
    );
    this.config = readConfig(new.target.name, args);
    this.supportsMasking = true;
    this.vllmConfig = vllmConfig;
    this.kvCacheDtype = this.config.cacheConfig?.cacheDtype ?? DEFAULT_CACHE.cacheDtype;
    this.kvCacheTorchDtype = storedDtype(this.kvCacheDtype, vllmConfig);
    this.calculateKvScales = this.config.cacheConfig?.calculateKvScales ?? false;
    this.choice = new BackendChoice(this, args.attnBackend, (backend) => this.wrapBackend(backend));
    this.quantMethod = readQuantMethod(op, args.quantConfig, this);
    this.join(prefix !== '' || vllmConfig !== undefined);
  }

  /** Enters the static forward context, all checks first. */
  private join(registered: boolean): void {
    const context = staticForwardContextOf(this.vllmConfig);
    const target = this.config.kvSharingTargetLayerName;
    if (registered) checkUniqueName(context, this.name);
    if (registered && target !== null) {
      validateKvSharingTarget(this.name, target, { ...context, [this.name]: this });
    }
    if (registered) registerLayer(context, this);
  }

  get attnType(): AttentionConfig['attnType'] {
    return this.config.attnType;
  }

  get numHeads(): number {
    return this.config.numHeads;
  }

  /** The strategy that serves the layer on the active tfjs backend. */
  get attnBackend(): typeof AttentionBackend {
    return this.choice.backend;
  }

  /** The strategy's maths for this layer. */
  get impl(): AttentionImpl {
    return this.choice.impl;
  }

  override getAttnBackend(): typeof AttentionBackend {
    return this.attnBackend;
  }

  /** What a subclass makes of the strategy, e.g. one with another builder. */
  protected wrapBackend(backend: typeof AttentionBackend): typeof AttentionBackend {
    return backend;
  }

  override call(inputs: Tensor | Tensor[], kwargs: CallKwargs = {}): Tensor {
    const op = `${this.constructor.name} '${this.name}'`;
    return tidy(() => {
      const list = Array.isArray(inputs) ? inputs : [inputs];
      const { q, k, v, mask, leading, apart } = splitHeads(op, list, this.config);
      const { numHeads, valueHeadSize } = this.config;
      const out = this.attend(op, { q, k, v, mask, keys: list[1] ?? list[0] }, kwargs);
      const tail = apart ? [numHeads, valueHeadSize] : [numHeads * valueHeadSize];
      return reshape(out, [...leading, ...tail]);
    });
  }

  /**
   * The layer as vLLM calls it: query, key and value as in `apply`, key and value null to read only. Returns
   * `[T, hidden]` with hidden the last axis of `outputShape`, or N*Hv; unlike vLLM's for a query `[T, N, H]` too.
   */
  forward(
    query: Tensor,
    key: Tensor | null,
    value: Tensor | null,
    outputShape?: readonly number[] | null,
    kwargs: CallKwargs = {},
  ): Tensor {
    const op = `${this.constructor.name} '${this.name}'`;
    return tidy(() => {
      const list = key === null || value === null ? [query] : [query, key, value];
      const { q, k, v, mask } = splitHeads(op, list, this.config, key === null);
      const out = this.attend(op, { q, k, v, mask, keys: key ?? query }, kwargs);
      const { numHeads, valueHeadSize } = this.config;
      const hidden = outputShape?.[outputShape.length - 1] ?? numHeads * valueHeadSize;
      check(
        outputShape == null || outputShape.reduce((size, axis) => size * axis, 1) === out.size,
        op,
        `outputShape [${outputShape?.join(', ')}] must hold the ${out.size} numbers of the output`,
      );
      return reshape(out, [-1, hidden]);
    });
  }

  private attend(op: string, inputs: DenseInputs, kwargs: CallKwargs): Tensor {
    const context = kwargs?.forwardContext ?? getForwardContext();
    if (context === undefined) {
      const { maskMod } = this.config.extraImplArgs as AttentionImplExtra;
      const dense = { ...this.denseInputs(inputs), maskMod };
      return attendDense(op, dense, this.denseOptions(), this.attnType, kwargs);
    }
    check(
      inputs.mask === null,
      op,
      'a mask input has no place in a forward context: its metadata say which keys count',
    );
    const packed = (x: Tensor) => (x.rank === 3 ? x : reshape(x, [-1, ...x.shape.slice(-2)]));
    const { q, k, v } = inputs;
    return attendInContext(this, context, packed(q), k && packed(k), v && packed(v));
  }

  /** What a subclass adds to dense keys and values. */
  protected denseInputs(inputs: DenseInputs): DenseInputs {
    return inputs;
  }

  /** What the layer asks of a dense op. */
  protected denseOptions(): DenseOptions {
    return denseOptionsOf(this.config, this.choice.implementation);
  }

  /** What the layer keeps; the block size may change after construction, so it is that of `vllmConfig`. */
  override getKvCacheSpec(vllmConfig: VllmConfig): AttentionKvCacheSpec | null {
    return attentionSpec(this, vllmConfig);
  }

  /** As vLLM prints it. */
  extraRepr(): string {
    const { headSize, numHeads, numKvHeads, scale } = this.impl;
    return `headSize=${headSize}, numHeads=${numHeads}, numKvHeads=${numKvHeads}, scale=${scale}, backend=${this.impl.constructor.name}`;
  }

  /** Frees weights and name; a layer that was never called frees its name. */
  override dispose(): ReturnType<layers.Layer['dispose']> {
    const unused = !this.built || this._refCount === null;
    const result = unused ? { refCountAfterDispose: 0, numDisposedVariables: 0 } : super.dispose();
    if (result.refCountAfterDispose === 0) forgetLayer(this);
    return result;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const { numHeads, headSize, valueHeadSize } = this.config;
    const several = Array.isArray(inputShape[0]);
    const q = (several ? inputShape[0] : inputShape) as Shape;
    const tail =
      isApart(q, numHeads, headSize) && several ? [valueHeadSize] : [numHeads * valueHeadSize];
    return [...q.slice(0, -1), ...tail];
  }

  override computeMask(_inputs: Tensor | Tensor[], mask?: Tensor | Tensor[]): Tensor | Tensor[] {
    return Array.isArray(mask) ? mask[0] : (mask as Tensor);
  }

  override getConfig(): serialization.ConfigDict {
    this.choice.checkSavable();
    const own = this.config as unknown as serialization.ConfigDict;
    return { ...super.getConfig(), ...protectConfig({ ...own, ...this.ownConfig() }) };
  }

  /** Arguments of a subclass. */
  protected ownConfig(): serialization.ConfigDict {
    return {};
  }

  static override fromConfig<T extends serialization.Serializable>(
    cls: serialization.SerializableConstructor<T>,
    config: serialization.ConfigDict,
  ): T {
    return new cls(restoreConfig(config));
  }
}

registerLayerClass(Attention);
