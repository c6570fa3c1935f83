import type { Tensor } from '@tensorflow/tfjs-core';
import type { KvCache, KvCacheOptions } from '../kv_cache/kv_cache.js';
import { check, checkFinite, checkHeads, checkInt } from '../problem/checks.js';
import { AttentionType } from './attention_type.js';
import type { MaskMod } from './mask_mods.js';
import type { AttentionMetadata } from './metadata.js';
import { MultipleOf, type BlockSize } from './multiple_of.js';

/** A cache dtype as configurations name it: a stored type, 'auto' or 'fp8'. */
export type KvCacheDtypeName = NonNullable<KvCacheOptions['dtype']>;

/** What an implementation may read of the layer that it works for (vLLM `AttentionLayer`). */
export interface AttentionLayer {
  /** Real = stored * scale; 1 unless measured or loaded. Numbers, as vLLM's `_q_scale_float` and so on. */
  readonly qScale: number;
  readonly kScale: number;
  readonly vScale: number;
  readonly probScale: number;
  /** The layer's own call, as vLLM's layers have it: query `[T, N*H]` or `[T, N, H]`, and so on. */
  forward(query: Tensor, key: Tensor | null, value: Tensor | null, ...rest: never[]): Tensor;
}

/** What only some implementations take; one that does not know an entry refuses it. */
export interface AttentionImplExtra {
  /** `[N]` logits of the softmax denominator. */
  sinks?: readonly number[] | Float32Array | null;
  /** Hv; default H. */
  valueHeadSize?: number;
  /** Chunks before its own that a query sees, with chunked local attention. */
  chunkLookback?: number;
  /** Attention over chunks of this many keys. */
  chunkSize?: number;
  /** Which keys are visible (FLEX_ATTENTION). */
  maskMod?: MaskMod | null;
  /** A function of scores (FLEX_ATTENTION); refused for now. */
  scoreMod?: unknown;
}

/** Constructor arguments of every implementation, in vLLM's order. */
export type AttentionImplArgs = [
  numHeads: number,
  headSize: number,
  scale: number,
  numKvHeads?: number | null,
  alibiSlopes?: readonly number[] | null,
  slidingWindow?: number | null,
  kvCacheDtype?: KvCacheDtypeName,
  logitsSoftCap?: number | null,
  attnType?: AttentionType,
  kvSharingTargetLayerName?: string | null,
  extra?: AttentionImplExtra,
];

/**
 * The maths of a strategy for one layer (vLLM `AttentionImpl`): holds the layer's numbers, computes one step.
 *
 * @throws InvalidArgumentError for heads that do not divide, a scale that is not finite, a window below 1.
 */
export abstract class AttentionImpl<M extends AttentionMetadata = AttentionMetadata> {
  /** Whether decode can return lse, so that ranks merge. */
  readonly canReturnLseForDecode: boolean = false;
  readonly needToReturnLseForDecode: boolean = false;
  /** Ranks that share a sequence's keys; one here. */
  readonly dcpWorldSize: number = 1;
  readonly dcpRank: number = 0;

  readonly numHeads: number;
  readonly headSize: number;
  readonly scale: number;
  readonly numKvHeads: number;
  /** `[N]` float32, or null. */
  readonly alibiSlopes: Float32Array | null;
  /** Keys visible before and after the query position, itself excluded; -1 = unlimited. */
  readonly slidingWindow: readonly [left: number, right: number];
  readonly kvCacheDtype: KvCacheDtypeName;
  /** 0 = off. */
  readonly logitsSoftCap: number;
  readonly attnType: AttentionType;
  /** The layer whose cache this one reads; it then writes none. */
  readonly kvSharingTargetLayerName: string | null;
  /** `[N]` float32, or null. */
  readonly sinks: Float32Array | null;
  readonly extra: AttentionImplExtra;

  constructor(...args: AttentionImplArgs) {
    const [numHeads, headSize, scale, numKvHeads, alibiSlopes, slidingWindow] = args;
    const [, , , , , , kvCacheDtype, logitsSoftCap, attnType, kvSharingTarget, extra] = args;
    const op = new.target.name;
    checkInt(numHeads, op, 'numHeads', 1);
    checkInt(headSize, op, 'headSize', 1);
    checkFinite(scale, op, 'scale');
    checkInt(numKvHeads ?? numHeads, op, 'numKvHeads', 1);
    checkHeads(op, numHeads, numKvHeads ?? numHeads);
    if (slidingWindow != null) checkInt(slidingWindow, op, 'slidingWindow', 1);
    checkFinite(logitsSoftCap ?? 0, op, 'logitsSoftCap');
    check(
      (logitsSoftCap ?? 0) >= 0,
      op,
      `logitsSoftCap must be positive, or 0 or null for none, got ${logitsSoftCap}`,
    );
    this.numHeads = numHeads;
    this.headSize = headSize;
    this.scale = scale;
    this.numKvHeads = numKvHeads ?? numHeads;
    this.alibiSlopes = perHead(op, 'alibiSlopes', alibiSlopes, numHeads);
    this.kvCacheDtype = kvCacheDtype ?? 'auto';
    this.logitsSoftCap = logitsSoftCap ?? 0;
    this.attnType = attnType ?? AttentionType.DECODER;
    this.slidingWindow = windowOf(slidingWindow ?? null, this.attnType);
    this.kvSharingTargetLayerName = kvSharingTarget ?? null;
    this.extra = extra ?? {};
    this.sinks = perHead(op, 'sinks', this.extra.sinks, numHeads);
  }

  /** Block sizes that the kernels take. */
  static getSupportedKernelBlockSize(): readonly BlockSize[] {
    return [new MultipleOf(1)];
  }

  /**
   * One step of one layer: writes `key` `[T, K, H]` and `value` `[T, K, Hv]` to the cache, attends `query` `[T, N, H]`,
   * returns `[T, N, Hv]`. Key and value null, or a sharing target: nothing is written. Metadata null (a run that only
   * measures): zeros.
   *
   * @param output tfjs tensors are immutable: null, or it throws
   * @param outputScale fused output quantization: as `output`
   */
  abstract forward(
    layer: AttentionLayer,
    query: Tensor,
    key: Tensor | null,
    value: Tensor | null,
    kvCache: KvCache | null,
    attnMetadata: M | null,
    output?: null,
    outputScale?: null,
    outputBlockScale?: null,
  ): Tensor;

  /** Whether {@link forward} can quantize its output. */
  fusedOutputQuantSupported(_quantKey: string): boolean {
    return false;
  }

  /** Whether {@link forward} takes a quantized query. */
  supportsQuantQueryInput(): boolean {
    return false;
  }

  /** Frees what is kept of the layer's weights. */
  dispose(): void {
    // Most strategies keep none.
  }

  /** Called once weights are there. */
  processWeightsAfterLoading(_actDtype: string): void {
    // Most strategies hold no weights.
  }
}

/** A class of {@link AttentionImpl}. */
export type AttentionImplClass = (new (...args: AttentionImplArgs) => AttentionImpl) &
  Pick<typeof AttentionImpl, 'getSupportedKernelBlockSize'> & { readonly name: string };

/** (W - 1, 0) for decoders, (W - 1, W - 1) where both sides are visible, (-1, -1) for none. */
function windowOf(window: number | null, attnType: AttentionType): readonly [number, number] {
  if (window === null) return [-1, -1];
  return [window - 1, attnType === AttentionType.DECODER ? 0 : window - 1];
}

function perHead(
  op: string,
  name: string,
  values: ArrayLike<number> | null | undefined,
  numHeads: number,
): Float32Array | null {
  if (values == null) return null;
  check(
    values.length === numHeads,
    op,
    `${name} must have ${numHeads} entries [N], got ${values.length}`,
  );
  return Float32Array.from(values);
}
