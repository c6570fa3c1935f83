import * as tf from '@tensorflow/tfjs-core';
import type { AttentionOptions, MmPrefixRanges } from '@tfjs-attention/core';
import type { ReferenceInputs } from '@tfjs-attention/core/reference';
import { normals, type Random } from './random.js';

/** Axes of the scores; B is 1 where tokens are packed. */
export interface ScoreAxes {
  B: number;
  N: number;
  T: number;
  S: number;
}

/** Features of a case as plain data: numbers go to the op as they are, tensors are made for the case's shape. */
export interface ScoreFeatures extends Pick<
  AttentionOptions,
  | 'softmaxScale'
  | 'logitsSoftCap'
  | 'causal'
  | 'slidingWindow'
  | 'windowLeft'
  | 'windowRight'
  | 'chunkSize'
  | 'chunkLookback'
  | 'rswaPrefixLen'
> {
  // prettier-ignore
  /** Axes of the tensor, broadcast ones as 1: 'BNTS', 'B1TS', 'TS', 'S', 'N1S', '11T1'. */
  bias?: string;
  mask?: string;
  alibi?: boolean;
  sinks?: boolean;
  /** M of the tree bias [M, M]. */
  qqBias?: number;
  /** One entry a sequence; where there are more sequences they take turns. */
  rswaPrefixLens?: readonly number[];
  mmPrefixRanges?: MmPrefixRanges;
  /** Which sequences obey `causal`; packed batches only. */
  causalSeqs?: readonly boolean[];
}

/** What a feature says of each sequence, as a dense op or a plan takes it. */
export interface SequenceRules {
  rswaPrefixLens?: Int32Array;
  mmPrefixRanges?: MmPrefixRanges;
}

/** The same features as an op takes them and as the oracle takes them. */
export interface MadeFeatures {
  readonly options: AttentionOptions;
  readonly host: Pick<ReferenceInputs, 'bias' | 'mask' | 'alibiSlopes' | 'sinks' | 'qqBias'>;
}

/** The rules of `numSeqs` sequences. */
export function sequenceRules(
  { rswaPrefixLens, mmPrefixRanges }: ScoreFeatures,
  numSeqs: number,
): SequenceRules {
  return {
    ...(rswaPrefixLens && { rswaPrefixLens: Int32Array.from(inTurn(rswaPrefixLens, numSeqs)) }),
    ...(mmPrefixRanges && { mmPrefixRanges: inTurn(mmPrefixRanges, numSeqs) }),
  };
}

/** `count` entries of a list that begins anew at its end. */
export function inTurn<T>(list: readonly T[], count: number): T[] {
  return Array.from({ length: count }, (_, b) => list[b % list.length]);
}

/** Shape of an axes text. */
export function shapeOf(axes: string, sizes: ScoreAxes): number[] {
  return [...axes].map((letter) => (letter === '1' ? 1 : sizes[letter as keyof ScoreAxes]));
}

const product = (shape: readonly number[]) => shape.reduce((size, axis) => size * axis, 1);

export function makeFeatures(
  features: ScoreFeatures,
  sizes: ScoreAxes,
  random: Random,
): MadeFeatures {
  const { bias, mask, alibi, sinks, qqBias, ...others } = features;
  const { rswaPrefixLens: _, mmPrefixRanges: __, causalSeqs: ___, ...numbers } = others;
  const options: AttentionOptions = { ...numbers };
  const host: { -readonly [name in keyof MadeFeatures['host']]: MadeFeatures['host'][name] } = {};
  if (bias !== undefined) {
    const shape = shapeOf(bias, sizes);
    host.bias = normals(random, product(shape)).map((x) => (random() < 0.1 ? -Infinity : x));
    options.bias = tf.tensor(host.bias, shape);
  }
  if (mask !== undefined) {
    const shape = shapeOf(mask, sizes);
    host.mask = Uint8Array.from({ length: product(shape) }, () => (random() < 0.7 ? 1 : 0));
    options.mask = tf.tensor(host.mask, shape, 'bool');
  }
  if (alibi) {
    const slopes = Float32Array.from(
      { length: sizes.N },
      (_, n) => 2 ** (-8 * ((n + 1) / sizes.N)),
    );
    host.alibiSlopes = slopes;
    options.alibiSlopes = slopes;
  }
  if (sinks) {
    host.sinks = normals(random, sizes.N);
    options.sinks = host.sinks as Float32Array;
  }
  if (qqBias !== undefined) {
    host.qqBias = normals(random, qqBias * qqBias).map((x) => (random() < 0.2 ? -Infinity : x));
    options.qqBias = tf.tensor2d(host.qqBias as Float32Array, [qqBias, qqBias]);
  }
  return { options, host };
}
