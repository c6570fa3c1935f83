import { referenceAttention, type ReferenceInputs } from '@tfjs-attention/core/reference';
import type { AttentionProblem } from '@tfjs-attention/core/provider';
import { assertWithin } from './assert.js';

/** What a problem must give, and how far a float32 kernel may be from it. */
export interface Expected {
  readonly output: Float64Array;
  readonly lse: Float64Array;
  readonly outputTolerance: number;
  readonly lseTolerance: number;
}

/** The float64 oracle's answer; its tolerance comes from the same maths done plainly in float32. */
export function expectedOf(problem: AttentionProblem, inputs: ReferenceInputs): Expected {
  const exact = referenceAttention(problem, inputs);
  const plain = referenceAttention(problem, inputs, Math.fround);
  return {
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
    if (!Number.isFinite(value)) return;
    error = Math.max(error, Math.abs(plain[i] - value));
    size = Math.max(size, Math.abs(value));
  });
  return 2 * error + 4 * 2 ** -24 * size;
}

/** Judges an op's result. `slack` 2 is for the distance of two results that may each be off by the tolerance. */
export function assertExpected(
  actual: { output: ArrayLike<number>; lse?: ArrayLike<number> },
  expected: Expected,
  slack = 1,
): void {
  assertWithin('output', actual.output, expected.output, slack * expected.outputTolerance);
  if (actual.lse) assertWithin('lse', actual.lse, expected.lse, slack * expected.lseTolerance);
}
