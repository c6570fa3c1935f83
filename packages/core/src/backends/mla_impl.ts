import type { Tensor } from '@tensorflow/tfjs-core';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { AttentionImpl, type AttentionImplArgs, type AttentionLayer } from './impl.js';
import type { Implementation } from '../problem/options.js';
import type { AttentionMetadata } from './metadata.js';

/** What chooses keys for sparse attention (vLLM `Indexer`), as far as attention sees it. */
export interface TopkIndexer {
  /** Most keys of a query. */
  readonly topkTokens: number;
  /** `[T, topkTokens]`: positions of this step's chosen keys within their request, -1 = none. The indexer fills it. */
  readonly topkIndicesBuffer: Int32Array;
}

/** A class of {@link MLAAttentionImpl}. */
export type MLAAttentionImplClass = (new (
  mla: MLAAttentionImplArgs,
  ...args: AttentionImplArgs
) => MLAAttentionImpl) &
  Pick<typeof AttentionImpl, 'getSupportedKernelBlockSize'> & { readonly name: string };

/** Constructor arguments of an {@link MLAAttentionImpl}. */
export interface MLAAttentionImplArgs {
  /** Null: queries are not compressed. */
  qLoraRank: number | null;
  kvLoraRank: number;
  qkNopeHeadDim: number;
  qkRopeHeadDim: number;
  qkHeadDim: number;
  vHeadDim: number;
  /** `[L, N * (P + V)]`: latents to keys and values; a function where the weight belongs to a layer. */
  kvBProj: Tensor | (() => Tensor);
  /** Chooses the keys of each query, where attention is sparse. */
  indexer?: TopkIndexer | null;
  /** Kernels asked for by every op call; default 'auto'. */
  implementation?: Implementation;
}

/**
 * The maths of multi-head latent attention (vLLM `MLAAttentionImpl`): as {@link AttentionImpl}, over one latent a token.
 * `forward` takes the compressed query, the normed latent `[T, L]` and the rotated part of the key `[T, 1, R]`.
 */
export abstract class MLAAttentionImpl<
  M extends AttentionMetadata = AttentionMetadata,
> extends AttentionImpl<M> {
  constructor(
    readonly mla: MLAAttentionImplArgs,
    ...args: AttentionImplArgs
  ) {
    super(...args);
  }

  abstract override forward(
    layer: AttentionLayer,
    hiddenStatesOrCq: Tensor,
    kvCNormed: Tensor,
    kPe: Tensor,
    kvCache: KvCache | null,
    attnMetadata: M | null,
    output?: null,
    outputScale?: null,
    outputBlockScale?: null,
  ): Tensor;
}
