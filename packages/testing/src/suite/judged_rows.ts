import * as tf from '@tensorflow/tfjs-core';
import type { AttentionProblem } from '@tfjs-attention/core/provider';
import {
  referenceRow,
  rowsByHead,
  type ReferenceInputs,
  type Round,
} from '@tfjs-attention/core/reference';

/** Tokens of a packed batch: at most `most` of every sequence, its first and last among them, evenly apart. */
export function spreadTokens(queryLens: readonly number[], most: number): number[] {
  let start = 0;
  return queryLens.flatMap((length) => {
    const count = Math.min(most, length);
    const step = count > 1 ? (length - 1) / (count - 1) : 0;
    const tokens = Array.from({ length: count }, (_, n) => start + Math.round(n * step));
    start += length;
    return tokens;
  });
}

/** The oracle's output `[tokens, N, Hv]` and lse `[tokens, N]` for some tokens of a packed batch. */
export function referenceTokens(
  problem: AttentionProblem,
  inputs: ReferenceInputs,
  round: Round,
  tokens: readonly number[],
): { output: Float64Array; lse: Float64Array } {
  const { params, ints } = problem;
  const { numHeads, valueHeadSize } = params;
  const starts = ints.queryStartLoc ?? Int32Array.of(0, params.maxQueryLen);
  const output = new Float64Array(tokens.length * numHeads * valueHeadSize);
  const lse = new Float64Array(tokens.length * numHeads);
  const rows = Array.from({ length: params.numSeqs }, (_, b) => rowsByHead(problem, inputs, b));
  tokens.forEach((token, n) => {
    const b = starts.filter((start) => start <= token).length - 1;
    const [start, end] = [starts[b], starts[b + 1]];
    for (let head = 0; head < numHeads; head++) {
      const i = token - start;
      const row = referenceRow(
        problem,
        inputs,
        round,
        b,
        start,
        end - start,
        i,
        head,
        rows[b](head),
      );
      lse[n * numHeads + head] = row.lse;
      output.set(row.output, (n * numHeads + head) * valueHeadSize);
    }
  });
  return { output, lse };
}

/** The same tokens' rows of values over all of them. */
export function pickTokens(
  values: ArrayLike<number>,
  tokens: readonly number[],
  width: number,
): Float32Array {
  const picked = new Float32Array(tokens.length * width);
  tokens.forEach((token, n) => {
    for (let lane = 0; lane < width; lane++) {
      picked[n * width + lane] = values[token * width + lane];
    }
  });
  return picked;
}

/** Rows of a tensor `[T, N, H]`; tf.gather of stock 'cpu' takes seconds for what this does at once. */
export async function pickRows(x: tf.Tensor3D, tokens: readonly number[]): Promise<tf.Tensor3D> {
  const [, heads, size] = x.shape;
  const rows = pickTokens(await x.data(), tokens, heads * size);
  return tf.tensor3d(rows, [tokens.length, heads, size]);
}
