import type { Tensor } from '@tensorflow/tfjs-core';
import type { AttentionParams } from './params.js';
import type { AttentionSpec } from './spec.js';

/** Host integers that change who sees whom, as `ATTENTION_OPERANDS` says; each is absent where no sequence needs it. */
export interface MaskInts {
  /** [B] 1 = the sequence obeys the causal rule. */
  readonly causalFlags?: Int32Array;
  /** [B] */
  readonly rswaPrefixLens?: Int32Array;
  /** [B + 1 + 2R] */
  readonly mmRanges?: Int32Array;
}

/** Host integers of a problem. */
export interface AttentionInts extends MaskInts {
  /** [B + 1]; absent for dense. */
  readonly queryStartLoc?: Int32Array;
  /** [B] */
  readonly seqLens: Int32Array;
  /** [B] */
  readonly queryOffsets: Int32Array;
  /** [B, M] flat; absent for dense. */
  readonly blockTables?: Int32Array;
  /** [2] as `ATTENTION_OPERANDS` says; absent where nothing is dropped. */
  readonly dropout?: Int32Array;
}

/** Tensors of a problem, by operand name; an absent operand has no key (the gradient tape reads every key). */
export type AttentionTensors = { q: Tensor } & Partial<
  Record<'k' | 'v' | 'bias' | 'mask' | 'alibiSlopes' | 'sinks' | 'qqBias', Tensor>
>;

/** A checked attention call: what to generate (spec), with which numbers (params), on what (ints, tensors). */
export interface AttentionProblem {
  /** The op's name, for messages. */
  readonly op: string;
  readonly spec: AttentionSpec;
  readonly params: AttentionParams;
  readonly ints: AttentionInts;
  readonly outputShape: readonly number[];
  readonly lseShape: readonly number[];
}
