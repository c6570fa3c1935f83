import { reshape, tidy, type serialization, type Tensor } from '@tensorflow/tfjs-core';
import { initializers, type layers, type LayerVariable } from '@tensorflow/tfjs-layers';
import type { AttentionBackend } from '../backends/abstract.js';
import type { AttentionImpl, KvCacheDtypeName } from '../backends/impl.js';
import { MLACommonMetadataBuilder } from '../backends/mla/builder.js';
import { LatentProjections } from '../backends/mla/projections.js';
import type { TopkIndexer } from '../backends/mla_impl.js';
import type { VllmConfig } from '../config.js';
import { UnsupportedError } from '../errors.js';
import { getForwardContext, type ForwardContext } from '../forward_context.js';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { MLAAttentionSpec } from '../kv_cache/spec.js';
import { oncePerBackend, subclassAttentionBackend } from '../metadata/subclass_backend.js';
import { check } from '../problem/checks.js';
import type { KvCacheDtype } from '../problem/params.js';
import type { CallKwargs } from './attention.js';
import { DEFAULT_CACHE } from './attention_config.js';
import { storedDtype } from './attention_spec.js';
import { attendDense } from './dense.js';
import { MlaBackendChoice } from './mla_backend_choice.js';
import { readMlaConfig, type MLAAttentionArgs, type MLAAttentionConfig } from './mla_config.js';
import { expandedHeads, latentHeads, type LatentInputs } from './mla_heads.js';
import { readQuantMethod } from './quant_method.js';
import { QuantizedAttentionLayer } from './quantized_attention_layer.js';
import { measureScales } from './scales.js';
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

/** A strategy for any kind of attention, with the builder that latent attention wants. */
const latentBackend = oncePerBackend((backend) =>
  subclassAttentionBackend('MLA_', backend, { builder: MLACommonMetadataBuilder }),
);

/**
 * Latent attention (DeepSeek-V2, 2024; vLLM `MLAAttention`): keys and values of all heads are made of one latent a token,
 * and the cache holds latents.
 *
 * Inputs `[q, kvCNormed, kPe]`: q `[*, N*(P+R)]` or `[*, N, P+R]`, its last R lanes of each head rotated; the normed latent
 * `[*, L]`; the key's rotated lanes `[*, R]` or `[*, 1, R]`. Returns `[*, N*V]`. One weight, `kv_b_proj` `[L, N*(P+V)]`,
 * unless `kvBProj` has it.
 *
 * Inside `withForwardContext` it writes latents to the cache under its name, a `KvCache` of its {@link getKvCacheSpec}, and
 * attends to them: decodes absorbed, prefills expanded. Without a context it is dense and causal over `[B, S, ...]`.
 *
 * ```js
 * const mla = new MLAAttention({numHeads: 16, qkNopeHeadDim: 128, qkRopeHeadDim: 64, vHeadDim: 128, kvLoraRank: 512});
 * mla.getKvCacheSpec(vllmConfig).pageSizeBytes();  // 16 tokens of 576 float32: 36864
 * ```
 *
 * @throws InvalidArgumentError for a bad config or shape, or a prefix that a live layer has; MissingMetadataError where the
 *   context has no entry for it.
 */
export class MLAAttention extends QuantizedAttentionLayer {
  static className = 'tfjs_attention>MLAAttention';
  readonly config: MLAAttentionConfig;
  readonly vllmConfig?: VllmConfig;
  readonly kvCacheTorchDtype: KvCacheDtype;
  readonly kvCacheDtype: KvCacheDtypeName;
  kvCache: KvCache[] = [];
  calculateKvScales: boolean;
  readonly quantMethod: ReturnType<typeof readQuantMethod>;
  readonly indexer: TopkIndexer | null;
  private readonly kvBProj: layers.Layer | null;
  private ownKernel: LayerVariable | null = null;
  private readonly choice: MlaBackendChoice;
  private readonly projections: LatentProjections;

  constructor(given: MLAAttentionArgs) {
    const { indexer = null, kvBProj = null } = given ?? {};
    const args = { ...restoreArgs(given), indexer, kvBProj };
    const { prefix = '', vllmConfig = getCurrentVllmConfig() } = args;
    const name = prefix === '' ? args.name : prefix;
    super({ ...args, name: name ?? unnamed(new.target.className) });
    const op = `${new.target.name} '${this.name}'`;
    check(
      prefix === '' || args.name === undefined || args.name === prefix,
      op,
      `name '${args.name}' and prefix '${prefix}' are one argument: give one of them`,
    );
    this.config = readMlaConfig(new.target.name, args);
    this.indexer = indexer;
    this.kvBProj = kvBProj;
    this.supportsMasking = true;
    this.vllmConfig = vllmConfig;
    this.kvCacheDtype = this.config.cacheConfig?.cacheDtype ?? DEFAULT_CACHE.cacheDtype;
    this.kvCacheTorchDtype = storedDtype(this.kvCacheDtype, vllmConfig);
    this.calculateKvScales = this.config.cacheConfig?.calculateKvScales ?? false;
    this.choice = new MlaBackendChoice(this, args.attnBackend, (backend) =>
      backend.isMla() ? backend : latentBackend(backend),
    );
    this.projections = new LatentProjections(op, this.config.numHeads, this.config, () =>
      this.kvBKernel(),
    );
    this.quantMethod = readQuantMethod(op, args.quantConfig, this);
    if (prefix === '' && vllmConfig === undefined) return;
    const context = staticForwardContextOf(vllmConfig);
    checkUniqueName(context, this.name);
    registerLayer(context, this);
  }

  get numHeads(): number {
    return this.config.numHeads;
  }

  get attnBackend(): typeof AttentionBackend {
    return this.choice.backend;
  }

  get impl(): AttentionImpl {
    return this.choice.impl;
  }

  override getAttnBackend(): typeof AttentionBackend {
    return this.attnBackend;
  }

  override build(inputShape: Shape | Shape[]): void {
    const { kvLoraRank, numHeads, qkNopeHeadDim, vHeadDim } = this.config;
    if (this.kvBProj === null && this.ownKernel === null) {
      const shape = [kvLoraRank, numHeads * (qkNopeHeadDim + vHeadDim)];
      this.ownKernel = this.addWeight(
        'kv_b_proj',
        shape,
        'float32',
        initializers.glorotUniform({}),
      );
    }
    super.build(inputShape);
  }

  /** For the strategy: `[L, N*(P+V)]`. */
  kvBKernel(): Tensor {
    const kernel = this.kvBProj === null ? this.ownKernel : this.kvBProj.weights[0];
    check(kernel != null, `MLAAttention '${this.name}'`, () =>
      this.kvBProj === null
        ? 'kv_b_proj is made when the layer is built: call apply or build([]) first'
        : `kvBProj '${this.kvBProj.name}' has no weight yet: build it first`,
    );
    return kernel.read();
  }

  /** k and v are one latent, so they have one scale (vLLM: q from q, both others from the latent). */
  override calcKvScales(query: Tensor, kvCNormed: Tensor, _kPe?: Tensor): void {
    const { qScale, kScale } = measureScales(query, kvCNormed, kvCNormed);
    Object.assign(this, { qScale, kScale, vScale: kScale });
    this.calculateKvScales = false;
  }

  override call(inputs: Tensor | Tensor[], kwargs: CallKwargs = {}): Tensor {
    return tidy(() => this.attend(Array.isArray(inputs) ? inputs : [inputs], kwargs));
  }

  /** The layer as vLLM calls it; returns `[T, hidden]`, hidden the last axis of `outputShape` or N*V. */
  forward(
    query: Tensor,
    kvCNormed: Tensor | null,
    kPe: Tensor | null,
    outputShape?: readonly number[] | null,
    kwargs: CallKwargs = {},
  ): Tensor {
    const { numHeads, vHeadDim } = this.config;
    const op = `MLAAttention '${this.name}'`;
    check(kvCNormed !== null && kPe !== null, op, 'kvCNormed and kPe must be given');
    const hidden = outputShape?.[outputShape.length - 1] ?? numHeads * vHeadDim;
    return tidy(() => reshape(this.attend([query, kvCNormed, kPe], kwargs), [-1, hidden]));
  }

  private attend(inputs: readonly Tensor[], kwargs: CallKwargs): Tensor {
    const op = `MLAAttention '${this.name}'`;
    if (!this.built) this.build([]);
    const heads = latentHeads(op, inputs, this.config);
    const context = kwargs?.forwardContext ?? getForwardContext();
    const width = this.config.numHeads * this.config.vHeadDim;
    const out =
      context === undefined ? this.dense(op, heads, kwargs) : this.overCache(heads, context);
    return reshape(out, [...heads.leading, width]);
  }

  private overCache({ q, kvC, kPe }: LatentInputs, context: ForwardContext): Tensor {
    const packed = (x: Tensor, tail: number) => reshape(x, [-1, ...x.shape.slice(x.rank - tail)]);
    return attendInContext(this, context, packed(q, 2), packed(kvC, 1), packed(kPe, 1));
  }

  private dense(op: string, heads: LatentInputs, kwargs: CallKwargs): Tensor {
    check(
      this.indexer === null,
      op,
      'sparse attention needs a forward context: an indexer chooses keys of a cache',
    );
    const { q, k, v } = expandedHeads(heads, this.projections, this.config);
    const options = {
      softmaxScale: this.config.scale,
      causal: true,
      implementation: this.choice.implementation,
    };
    const inputs = { q, k, v, mask: null, keys: heads.kvC };
    return attendDense(op, inputs, options, 'decoder', kwargs);
  }

  /** One latent a token, whose first L lanes are the value. */
  override getKvCacheSpec({ cacheConfig }: VllmConfig): MLAAttentionSpec {
    const { headSize, kvLoraRank } = this.config;
    return new MLAAttentionSpec({
      blockSize: cacheConfig.blockSize,
      numKvHeads: 1,
      headSize,
      valueHeadSize: kvLoraRank,
      dtype: this.kvCacheTorchDtype,
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const { kvLoraRank, numHeads, vHeadDim } = this.config;
    const latent = (inputShape as Shape[])[1];
    check(
      Array.isArray(latent) && latent[latent.length - 1] === kvLoraRank,
      `MLAAttention '${this.name}'`,
      `inputs must be [q, kvCNormed, kPe] with kvCNormed [*, ${kvLoraRank}]`,
    );
    return [...latent.slice(0, -1), numHeads * vHeadDim];
  }

  override computeMask(_inputs: Tensor | Tensor[], mask?: Tensor | Tensor[]): Tensor | Tensor[] {
    return Array.isArray(mask) ? mask[0] : (mask as Tensor);
  }

  override dispose(): ReturnType<layers.Layer['dispose']> {
    this.projections.dispose();
    this.choice.disposeImpls();
    const unused = !this.built || this._refCount === null;
    const result = unused ? { refCountAfterDispose: 0, numDisposedVariables: 0 } : super.dispose();
    if (result.refCountAfterDispose === 0) forgetLayer(this);
    return result;
  }

  override getConfig(): serialization.ConfigDict {
    if (this.kvBProj !== null || this.indexer !== null) {
      throw new UnsupportedError(`MLAAttention '${this.name}'.getConfig`, [
        'kvBProj and indexer are objects, which no file holds; a layer that is saved has a weight of its own',
      ]);
    }
    this.choice.checkSavable();
    const own = this.config as unknown as serialization.ConfigDict;
    return { ...super.getConfig(), ...protectConfig(own) };
  }

  static override fromConfig<T extends serialization.Serializable>(
    cls: serialization.SerializableConstructor<T>,
    config: serialization.ConfigDict,
  ): T {
    return new cls(restoreConfig(config));
  }
}

registerLayerClass(MLAAttention);
