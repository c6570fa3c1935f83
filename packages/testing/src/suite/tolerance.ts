import {
  referenceAttention,
  type ReferenceInputs,
  type Round,
} from '@tfjs-attention/core/reference';
import type { AttentionProblem } from '@tfjs-attention/core/provider';
import { assertWithin } from './assert.js';
import { pickTokens, referenceTokens } from './judged_rows.js';

// Test runners make globals slow to look up.
const { abs, fround, max } = Math;
const { isFinite } = Number;

const unrounded: Round = (x) => x;

/** What a problem must give, and how far a float32 kernel may be from it. */
export interface Expected {
  readonly output: Float64Array;
  readonly lse: Float64Array;
  readonly outputTolerance: number;
  readonly lseTolerance: number;
  /** The query tokens that output and lse speak of; default all. */
  readonly tokens?: readonly number[];
}

/**
 * The float64 oracle's answer; its tolerance comes from the same maths done plainly in float32. `tokens` asks for some
 * tokens of a packed batch only.
 */
export function expectedOf(
  problem: AttentionProblem,
  inputs: ReferenceInputs,
  tokens?: readonly number[],
): Expected {
  const answer = (round: Round) =>
    tokens
      ? referenceTokens(problem, inputs, round, tokens)
      : referenceAttention(problem, inputs, round);
  const exact = answer(unrounded);
  const plain = answer(fround);
  return {
    tokens,
    output: exact.output,
    lse: exact.lse,
    outputTolerance: toleranceOf(exact.output, plain.output),
    lseTolerance: toleranceOf(exact.lse, plain.lse),
  };
}

/** 2 * max|plain - exact| + 4 * 2^-24 * max|exact|, over finite values. */
export function toleranceOf(exact: Float64Array, plain: Float64Array): number {
  let error = 0;
  let size = 0;
  exact.forEach((value, i) => {
    if (!isFinite(value)) return;
    error = max(error, abs(plain[i] - value));
    size = max(size, abs(value));
  });
  return 2 * error + 4 * 2 ** -24 * size;
}

/** Judges an op's result. `slack` 2 is for the distance of two results that may each be off by the tolerance. */
export function assertExpected(
  actual: { output: ArrayLike<number>; lse?: ArrayLike<number> },
  expected: Expected,
  slack = 1,
): void {
  const { tokens } = expected;
  const judge = (name: 'output' | 'lse', values: ArrayLike<number>) => {
    const judged = tokens
      ? pickTokens(values, tokens, expected[name].length / tokens.length)
      : values;
    assertWithin(name, judged, expected[name], slack * expected[`${name}Tolerance`]);
  };
  judge('output', actual.output);
  if (actual.lse) judge('lse', actual.lse);
}
