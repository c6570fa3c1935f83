import {
  concat,
  reshape,
  slice,
  split,
  tidy,
  tile,
  zeros,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { MissingMetadataError, UnsupportedError } from '../../errors.js';
import type { KvCache } from '../../kv_cache/kv_cache.js';
import { flashAttnVarlenFunc } from '../../ops/flash_attn_varlen.js';
import { mergeAttnStates } from '../../ops/merge_attn_states.js';
import { pagedAttention } from '../../ops/paged_attention.js';
import { concatAndCacheMla } from '../../ops/concat_and_cache_mla.js';
import { check, checkTensor, shapeText } from '../../problem/checks.js';
import type { AttentionResult } from '../../problem/options.js';
import { AttentionPlan } from '../../utils/plan_attention.js';
import { AttentionType } from '../attention_type.js';
import type { AttentionImplArgs, AttentionLayer } from '../impl.js';
import { MLAAttentionImpl, type MLAAttentionImplArgs } from '../mla_impl.js';
import { gatherLatents } from './gather_latents.js';
import { MLACommonMetadata, type MLACommonPrefillMetadata } from './metadata.js';
import { LatentProjections } from './projections.js';

/** What of a layer's numbers latent attention has no place for. */
const REFUSED: readonly (readonly [reason: string, given: (impl: MLACommonImpl) => boolean])[] = [
  ['ALiBi', ({ alibiSlopes }) => alibiSlopes !== null],
  ['sliding windows', ({ slidingWindow: [left] }) => left >= 0],
  ['logits soft cap', ({ logitsSoftCap }) => logitsSoftCap > 0],
  ['sinks', ({ sinks }) => sinks !== null],
  ['attention types other than decoder', ({ attnType }) => attnType !== AttentionType.DECODER],
  ['KV sharing', ({ kvSharingTargetLayerName: target }) => target !== null],
];

/**
 * Latent attention (DeepSeek-V2, 2024; vLLM `MLACommonImpl`). A cache holds one latent a token, `[L + R]` lanes, whose
 * first L are its value. Decodes attend to latents as they are: MQA with queries `[T, N, L + R]`. Prefills expand latents to
 * keys `[S, N, P + R]` and values `[S, N, V]`, which costs less where many queries meet them; keys of earlier steps are
 * expanded in turns, and states merge.
 */
export class MLACommonImpl extends MLAAttentionImpl<AttentionPlan> {
  override readonly canReturnLseForDecode: boolean = true;
  protected readonly projections: LatentProjections;

  constructor(mla: MLAAttentionImplArgs, ...args: AttentionImplArgs) {
    super(mla, ...args);
    const op = new.target.name;
    const { kvLoraRank, qkRopeHeadDim } = mla;
    check(
      this.headSize === kvLoraRank + qkRopeHeadDim && this.numKvHeads === 1,
      op,
      `a latent is one KV head of L + R = ${kvLoraRank + qkRopeHeadDim} lanes, got ${this.numKvHeads} of ${this.headSize}`,
    );
    const reasons = REFUSED.filter(([, given]) => given(this));
    if (reasons.length > 0) {
      throw new UnsupportedError(op, reasons.map(([what]) => `${what} not supported`)); // prettier-ignore
    }
    const kernel = () => (typeof mla.kvBProj === 'function' ? mla.kvBProj() : mla.kvBProj);
    this.projections = new LatentProjections(op, this.numHeads, mla, kernel);
  }

  /** Cuts `kvBProj` for decoding. A weight that changes later is cut again when it is next used. */
  override processWeightsAfterLoading(_actDtype: string): void {
    this.projections.cut();
  }

  /** Frees what was cut of `kvBProj`. */
  override dispose(): void {
    this.projections.dispose();
  }

  /**
   * One step: writes latents, attends. Query `[T, N, P + R]`, rotated; kvCNormed `[T, L]`; kPe `[T, 1, R]` or `[T, R]`,
   * rotated. Returns `[T, N*V]`; zeros without metadata.
   */
  override forward(
    _layer: AttentionLayer,
    query: Tensor,
    kvCNormed: Tensor,
    kPe: Tensor,
    kvCache: KvCache | null,
    attnMetadata: AttentionPlan | null,
    output?: null,
    outputScale?: null,
    outputBlockScale?: null,
  ): Tensor {
    const op = `${this.constructor.name}.forward`;
    this.checkCall(op, query, kvCNormed, kPe, [output, outputScale, outputBlockScale]);
    const width = this.numHeads * this.mla.vHeadDim;
    if (attnMetadata === null) return zeros([query.shape[0], width]);
    const cache = this.checkStep(op, query, kvCache, attnMetadata);
    return tidy(() => {
      const { numTokens } = attnMetadata;
      const latent = reshape(kvCNormed, [-1, this.mla.kvLoraRank]);
      const rope = reshape(kPe, [-1, this.mla.qkRopeHeadDim]);
      if (attnMetadata.slotMapping !== undefined) this.write(latent, rope, cache, attnMetadata);
      const [q, c, r] = [query, latent, rope].map((x) => rows(x, 0, numTokens));
      const result = this.attend(q, c, r, cache, attnMetadata);
      const padding = query.shape[0] - numTokens;
      return padding === 0 ? result : concat([result, zeros([padding, width])]);
    });
  }

  /** Decodes, then prefills. A plan that knows of neither is one batch of decodes. */
  protected attend(
    query: Tensor,
    latent: Tensor,
    rope: Tensor,
    kvCache: KvCache,
    plan: AttentionPlan,
  ): Tensor {
    if (!(plan instanceof MLACommonMetadata)) return this.forwardDecode(query, kvCache, plan);
    const { decode, prefill, numDecodeTokens, numPrefillTokens } = plan;
    const parts: Tensor[] = [];
    if (decode !== null) {
      parts.push(this.forwardDecode(rows(query, 0, numDecodeTokens), kvCache, decode));
    }
    if (prefill !== null) {
      const [q, c, r] = [query, latent, rope].map((x) => rows(x, numDecodeTokens, numPrefillTokens)); // prettier-ignore
      parts.push(this.forwardPrefill(q, c, r, kvCache, prefill));
    }
    return parts.length === 1 ? parts[0] : concat(parts);
  }

  /** Absorbed: the query goes to the latents, `[T, N*V]`. */
  protected forwardDecode(query: Tensor, kvCache: KvCache, plan: AttentionPlan): Tensor {
    const sums = pagedAttention(this.latentQuery(query), kvCache, plan, {
      softmaxScale: this.scale,
      causal: causalOf(plan),
      implementation: this.mla.implementation,
    });
    return this.projections.vUpProj(sums);
  }

  /** `[T, N, P + R]` as a query for latents, `[T, N, L + R]`. */
  protected latentQuery(query: Tensor): Tensor {
    const { qkNopeHeadDim, qkRopeHeadDim } = this.mla;
    const [nope, rope] = split(query, [qkNopeHeadDim, qkRopeHeadDim], -1);
    return concat([this.projections.absorb(nope), rope], -1);
  }

  /** Expanded: the latents come to the query, `[T, N*V]`. */
  protected forwardPrefill(
    query: Tensor,
    latent: Tensor,
    rope: Tensor,
    kvCache: KvCache,
    prefill: MLACommonPrefillMetadata,
  ): Tensor {
    const [k, v] = this.expanded(latent, rope);
    const fresh = flashAttnVarlenFunc(query, k, v, {
      ...this.varlenOptions(prefill.queryStartLoc),
      causal: prefill.causal,
      returnLse: true,
    });
    const { output } = this.mergeContext(query, fresh, kvCache, prefill);
    return reshape(output, [-1, this.numHeads * this.mla.vHeadDim]);
  }

  /** Adds the keys of earlier steps, a turn at a time (vLLM `_compute_prefill_context`). */
  private mergeContext(
    query: Tensor,
    fresh: AttentionResult,
    kvCache: KvCache,
    prefill: MLACommonPrefillMetadata,
  ): AttentionResult {
    const chunks = prefill.chunkedContext?.chunks ?? [];
    return chunks.reduce((state, chunk) => {
      const stored = gatherLatents(kvCache, prefill, chunk);
      const [latent, rope] = split(stored, [this.mla.kvLoraRank, this.mla.qkRopeHeadDim], -1);
      const [k, v] = this.expanded(latent, rope);
      const context = flashAttnVarlenFunc(query, k, v, {
        ...this.varlenOptions(prefill.queryStartLoc),
        cuSeqlensK: chunk.cuSeqLens,
        returnLse: true,
      });
      return mergeAttnStates(context, state);
    }, fresh);
  }

  /** Keys `[S, N, P + R]`, of which all heads share the rotated part, and values `[S, N, V]`. */
  private expanded(latent: Tensor, rope: Tensor): [Tensor, Tensor] {
    const [nope, values] = this.projections.expand(latent);
    const shared = tile(reshape(rope, [-1, 1, this.mla.qkRopeHeadDim]), [1, this.numHeads, 1]);
    return [concat([nope, shared], -1), values];
  }

  private varlenOptions(cuSeqlensQ: Int32Array) {
    const { implementation } = this.mla;
    return { cuSeqlensQ, softmaxScale: this.scale, implementation };
  }

  private write(latent: Tensor, rope: Tensor, kvCache: KvCache, plan: AttentionPlan): void {
    const slots = plan.slotMapping as Int32Array;
    concatAndCacheMla(rows(latent, 0, slots.length), rows(rope, 0, slots.length), kvCache, slots);
  }

  private checkCall(
    op: string,
    query: Tensor,
    kvCNormed: Tensor,
    kPe: Tensor,
    buffers: readonly unknown[],
  ): void {
    if (buffers.some((buffer) => buffer != null)) {
      throw new UnsupportedError(op, [
        'output buffers and fused output quantization: tfjs tensors are immutable, take the returned tensor',
      ]);
    }
    const { qkNopeHeadDim, qkRopeHeadDim, kvLoraRank } = this.mla;
    checkTensor(query, op, 'query', 3, '[T, N, P + R]');
    checkSizes(op, 'query', query, [this.numHeads, qkNopeHeadDim + qkRopeHeadDim], '[T, N, P + R]');
    checkTensor(kvCNormed, op, 'kvCNormed', 2, '[T, L]');
    checkSizes(op, 'kvCNormed', kvCNormed, [kvLoraRank], '[T, L]');
    checkTensor(kPe, op, 'kPe', kPe?.rank === 3 ? 3 : 2, '[T, 1, R] or [T, R]');
    const heads = kPe.rank === 3 ? [1] : [];
    checkSizes(op, 'kPe', kPe, [...heads, qkRopeHeadDim], '[T, 1, R] or [T, R]');
    check(
      kPe.shape[0] === kvCNormed.shape[0],
      op,
      () => `kvCNormed has ${kvCNormed.shape[0]} tokens, kPe ${kPe.shape[0]}: they must agree`,
    );
  }

  private checkStep(
    op: string,
    query: Tensor,
    kvCache: KvCache | null,
    plan: AttentionPlan,
  ): KvCache {
    check(
      plan instanceof AttentionPlan,
      op,
      'attnMetadata must come from planAttention() or from the builder of this strategy',
    );
    if (kvCache === null) {
      throw new MissingMetadataError(`${op}: latent attention reads a KvCache, got null`);
    }
    check(
      query.shape[0] >= plan.numTokens,
      op,
      () => `query has ${query.shape[0]} tokens, the metadata have ${plan.numTokens}`,
    );
    const { valueInKey, headSize, valueHeadSize } = kvCache.layout;
    check(
      valueInKey === true && headSize === this.headSize && valueHeadSize === this.mla.kvLoraRank,
      op,
      () =>
        `the cache must be of an MLAAttentionSpec with headSize ${this.headSize} and valueHeadSize ${this.mla.kvLoraRank}, ` +
        `got ${headSize} and ${valueHeadSize}${valueInKey ? '' : ' with values of their own'}`,
    );
    return kvCache;
  }
}

function rows(x: Tensor, first: number, count: number): Tensor {
  return first === 0 && x.shape[0] === count ? x : slice(x, [first], [count]);
}

function causalOf(plan: AttentionPlan): boolean {
  return 'causal' in plan ? plan.causal !== false : true;
}

function checkSizes(op: string, name: string, x: Tensor, tail: readonly number[], axes: string) {
  check(
    x.shape.slice(1).join() === tail.join(),
    op,
    () =>
      `${name} must be ${axes} = ${shapeText([x.shape[0], ...tail])}, got ${shapeText(x.shape)}`,
  );
}
