import type { Tensor } from '@tensorflow/tfjs-core';
import type { Precision } from './spec.js';
import type { WindowOptions } from './window.js';

/** One float32 per query head: a tensor `[N]` or host numbers. */
export type PerHead = Tensor | Float32Array | readonly number[];

/** 'auto' takes the fused kernel where there is one, else composed tfjs ops; a named one is met or throws. */
export type Implementation = 'auto' | 'FUSED' | 'COMPOSED';

/** Options that every attention op takes. Absent = off. */
export interface AttentionOptions extends WindowOptions {
  /** Default 1 / sqrt(H). */
  softmaxScale?: number;
  /** s = cap * tanh(s / cap), before bias and ALiBi; 0 (default) = off. */
  logitsSoftCap?: number;
  /** Additive float32 tensor that broadcasts to the scores; -Infinity makes a key invisible. */
  bias?: Tensor;
  /** Bool tensor that broadcasts to the scores; true = may attend. */
  mask?: Tensor;
  /** s -= slope * |p - j|. */
  alibiSlopes?: PerHead;
  /** A raw logit per head, in the softmax denominator only (vLLM `s_aux`). */
  sinks?: PerHead;
  /** Tree bias `[M, M]` added at [i, j - contextLen] where that index is inside it (vLLM `qq_bias`). */
  qqBias?: Tensor;
  /** Chunked local attention: query p sees its own chunk of this many keys. 0 (default) = off. */
  chunkSize?: number;
  /** Chunks before its own that a query also sees. Default 0. */
  chunkLookback?: number;
  /** Keys before this position escape the sliding window, in every sequence. Default 0. */
  rswaPrefixLen?: number;
  /** Also return lse = ln(sum exp(score)), sinks excluded. Default false. */
  returnLse?: boolean;
  /** Default 'float32'. CPU kernels compute in float32 whatever is asked. */
  precision?: Precision;
  /** Default 'auto'. */
  implementation?: Implementation;
}

/** One list a sequence `[B]` of inclusive ranges `[first, last]` of positions. */
export type MmPrefixRanges = readonly (readonly (readonly [first: number, last: number])[])[];

export interface FlashAttentionOptions extends AttentionOptions {
  /** 'bsnh' (default) = [B, S, N, H]; 'bnsh' = [B, N, S, H]. Read by strides, nothing is transposed. */
  layout?: 'bsnh' | 'bnsh';
  /** Position of the first query, one or one a sequence; default kvLen - queryLen. May be negative. */
  queryOffset?: number | Int32Array;
  /** Keys of each sequence `[B]`; default S. */
  kvLens?: Int32Array;
  /** `rswaPrefixLen` of each sequence `[B]`; excludes it. */
  rswaPrefixLens?: Int32Array;
  /**
   * Ranges of positions, such as a prompt's images, inside which every query sees every key whatever causal rule, window
   * and chunks say (vLLM `mm_prefix`). Each list rises and its ranges do not overlap; a range may pass the last key.
   */
  mmPrefixRanges?: MmPrefixRanges;
  /**
   * Share of the weights, in [0, 1), that are dropped after the softmax; the others grow by 1 / (1 - rate). For training:
   * no rule of this library drops anything by itself. Default 0. Counted in units of 2^-24.
   */
  dropoutRate?: number;
  /** Fixes, with a weight's place, whether it is dropped; any int32. A rate above 0 needs one: take a new one each step. */
  dropoutSeed?: number;
}

/** What an op returns with `returnLse: true`. */
export interface AttentionResult {
  output: Tensor;
  /** The output's axes without the last; -Infinity where a row sees no key. */
  lse: Tensor;
}
