import { concat, slice, tidy, zeros, type Tensor } from '@tensorflow/tfjs-core';
import { InvalidArgumentError, MissingMetadataError, UnsupportedError } from '../../errors.js';
import type { KvCache } from '../../kv_cache/kv_cache.js';
import { pagedAttention } from '../../ops/paged_attention.js';
import { reshapeAndCache } from '../../ops/reshape_and_cache.js';
import { check, checkTensor, shapeText } from '../../problem/checks.js';
import type { AttentionOptions, Implementation } from '../../problem/options.js';
import { AttentionPlan } from '../../utils/plan_attention.js';
import type { AttentionBackend } from '../abstract.js';
import { AttentionType, isCacheless } from '../attention_type.js';
import { AttentionImpl, type AttentionImplArgs, type AttentionLayer } from '../impl.js';
import { encoderAttention } from './encoder.js';
import { causalOf } from './paged_metadata.js';

/** Entries of `extra` that every strategy takes. */
const EXTRA_OF_ALL: readonly string[] = ['sinks', 'valueHeadSize', 'chunkSize', 'chunkLookback'];

/** Options of one op call; lse only where a strategy merges states. */
export type PlainOptions = AttentionOptions & { returnLse?: false };

/**
 * The maths that all strategies share: write the step's keys, attend to the pages (ENCODER and ENCODER_ONLY: to the step's
 * own keys). A strategy overrides `attend`, and names what it cannot serve in `refusals`.
 */
export abstract class PagedAttentionImpl extends AttentionImpl<AttentionPlan> {
  override readonly canReturnLseForDecode: boolean = true;
  /** Kernels asked for by every op call. */
  protected readonly implementation: Implementation = 'auto';

  constructor(...args: AttentionImplArgs) {
    super(...args);
    const reasons = this.refusals();
    if (reasons.length > 0) throw new UnsupportedError(this.facts().getName(), reasons);
  }

  /** The facts that constructor arguments are judged by. */
  protected abstract facts(): typeof AttentionBackend;

  /** Reasons against these constructor arguments. */
  protected refusals(): string[] {
    const reasons = this.facts().validateConfiguration({
      headSize: this.headSize,
      kvCacheDtype: this.kvCacheDtype,
      attnType: this.attnType,
      hasSink: this.sinks !== null,
      hasSlidingWindow: this.slidingWindow[0] >= 0,
      useAlibi: this.alibiSlopes !== null,
      useSoftCap: this.logitsSoftCap > 0,
      useKvSharing: this.kvSharingTargetLayerName !== null,
    });
    for (const [name, value] of Object.entries(this.extra)) {
      if (value != null && !this.takesExtra(name)) reasons.push(reasonAgainstExtra(name));
    }
    return reasons;
  }

  /** Whether an entry of `extra` has an effect. */
  protected takesExtra(name: string): boolean {
    return EXTRA_OF_ALL.includes(name);
  }

  override forward(
    layer: AttentionLayer,
    query: Tensor,
    key: Tensor | null,
    value: Tensor | null,
    kvCache: KvCache | null,
    attnMetadata: AttentionPlan | null,
    output?: null,
    outputScale?: null,
    outputBlockScale?: null,
  ): Tensor {
    const op = `${this.constructor.name}.forward`;
    this.checkCall(op, query, key, value, [output, outputScale, outputBlockScale]);
    if (attnMetadata === null) return zeros([...query.shape.slice(0, 2), this.valueSize(value)]);
    this.checkStep(op, query, attnMetadata);
    return tidy(() => {
      const { numTokens } = attnMetadata;
      const head = (x: Tensor) => (x.shape[0] === numTokens ? x : slice(x, [0], [numTokens]));
      const result = isCacheless(this.attnType)
        ? this.attendOwn(op, head(query), key, value, attnMetadata)
        : this.attendCache(op, head(query), key, value, kvCache, attnMetadata);
      const padding = query.shape[0] - numTokens;
      return padding === 0 ? result : concat([result, zeros([padding, ...result.shape.slice(1)])]);
    });
  }

  /** Attention of a whole step over the cache. */
  protected attend(query: Tensor, kvCache: KvCache, plan: AttentionPlan): Tensor {
    return pagedAttention(query, kvCache, plan, this.options(plan));
  }

  /** What this layer and this step ask of an op. */
  protected options(plan: AttentionPlan): PlainOptions {
    const { alibiSlopes, sinks, extra } = this;
    const [left] = this.slidingWindow;
    return {
      softmaxScale: this.scale,
      causal: causalOf(plan, this.attnType === AttentionType.DECODER),
      logitsSoftCap: this.logitsSoftCap,
      implementation: this.implementation,
      ...(alibiSlopes && { alibiSlopes }),
      ...(sinks && { sinks }),
      ...(left >= 0 && { slidingWindow: left + 1 }),
      ...(extra.chunkSize !== undefined && { chunkSize: extra.chunkSize }),
      ...(extra.chunkLookback !== undefined && { chunkLookback: extra.chunkLookback }),
    };
  }

  /** Refuses a step; nothing was written yet. */
  protected checkStep(op: string, query: Tensor, plan: AttentionPlan): void {
    check(
      plan instanceof AttentionPlan,
      op,
      'attnMetadata must come from planAttention() or from the builder of this strategy',
    );
    check(
      query.shape[0] >= plan.numTokens,
      op,
      `query has ${query.shape[0]} tokens, the metadata have ${plan.numTokens}`,
    );
  }

  private attendCache(
    op: string,
    query: Tensor,
    key: Tensor | null,
    value: Tensor | null,
    kvCache: KvCache | null,
    plan: AttentionPlan,
  ): Tensor {
    if (kvCache === null) {
      throw new MissingMetadataError(
        `${op}: attention type ${this.attnType} reads a KvCache, got null; bind one to the layer`,
      );
    }
    if (this.kvSharingTargetLayerName === null && key !== null && value !== null) {
      this.write(key, value, kvCache, plan);
    }
    return this.attend(query, kvCache, plan);
  }

  /** As many tokens as the slot mapping has. */
  protected write(key: Tensor, value: Tensor, kvCache: KvCache, plan: AttentionPlan): void {
    check(
      plan.slotMapping !== undefined,
      `${this.constructor.name}.forward`,
      'key and value are given, but the metadata have no slotMapping: give one (-1 = not written), or key and value null',
    );
    const { length } = plan.slotMapping;
    const head = (x: Tensor) => (x.shape[0] > length ? slice(x, [0], [length]) : x);
    reshapeAndCache(head(key), head(value), kvCache, plan);
  }

  private attendOwn(
    op: string,
    query: Tensor,
    key: Tensor | null,
    value: Tensor | null,
    plan: AttentionPlan,
  ): Tensor {
    if (key === null || value === null) {
      throw new InvalidArgumentError(
        `${op}: attention type ${this.attnType} has no cache: it needs key and value`,
      );
    }
    return encoderAttention(op, query, key, value, plan, { ...this.options(plan), causal: false });
  }

  private checkCall(
    op: string,
    query: Tensor,
    key: Tensor | null,
    value: Tensor | null,
    buffers: readonly unknown[],
  ): void {
    if (buffers.some((buffer) => buffer != null)) {
      throw new UnsupportedError(op, [
        'output buffers and fused output quantization: tfjs tensors are immutable, take the returned tensor',
      ]);
    }
    const { numHeads, numKvHeads, headSize } = this;
    checkShape(op, 'query', query, [numHeads, headSize], '[T, N, H]');
    if (key !== null) checkShape(op, 'key', key, [numKvHeads, headSize], '[T, K, H]');
    if (value !== null) checkTensor(value, op, 'value', 3, '[T, K, Hv]');
    check(
      (key === null) === (value === null),
      op,
      'key and value come together, or both are null (nothing is written)',
    );
  }

  private valueSize(value: Tensor | null): number {
    return value?.shape[2] ?? this.extra.valueHeadSize ?? this.headSize;
  }
}

function reasonAgainstExtra(name: string): string {
  switch (name) {
    case 'maskMod':
      return 'mask functions not supported';
    case 'scoreMod':
      return 'score functions not supported: they arrive later';
    default:
      return `extra argument ${name} not supported`;
  }
}

function checkShape(
  op: string,
  name: string,
  x: Tensor,
  [heads, size]: readonly [number, number],
  axes: string,
): void {
  checkTensor(x, op, name, 3, axes);
  check(
    x.shape[1] === heads && x.shape[2] === size,
    op,
    `${name} must be ${axes} with ${heads} heads of ${size}, got ${shapeText(x.shape)}`,
  );
}
