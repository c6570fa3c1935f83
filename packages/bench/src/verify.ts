import type { KvCacheDtype } from '@tfjs-attention/core';
import {
  describeDense,
  referenceRow,
  type ReferenceInputs,
  type Round,
} from '@tfjs-attention/core/reference';
import * as tf from '@tensorflow/tfjs-core';
import type { Runner } from './contenders/contender.js';
import type { Cell } from './grid.js';
import type { Inputs } from './inputs.js';
import { storedRow } from './stored.js';

/** What some rows of a cell's output must be. */
export interface Expected {
  readonly rows: readonly { token: number; head: number; output: Float64Array }[];
  /** For our kernels: 2 * max|float32 - float64| of plain maths + 4 * 2^-24 * max|output|. */
  readonly tolerance: number;
  /** For peers, whose rounding is their own affair: 1e-3 * max|output|, as the ONNX suite allows. */
  readonly looseTolerance: number;
}

export interface Verdict {
  /** Largest |error| over the sampled rows; NaN where the output has one. */
  readonly error: number;
  readonly right: boolean;
}

/** Rows from the float64 oracle over what a cache of `dtype` holds. Leaves the 'cpu' backend active. */
export async function expectedRows(
  cell: Cell,
  inputs: Inputs,
  dtype: KvCacheDtype,
): Promise<Expected> {
  await tf.setBackend('cpu');
  const { numHeads, numKvHeads, headSize, queryLen, seqLen, causal, slidingWindow } = cell;
  const tensors = [
    tf.tensor4d(inputs.q, [1, queryLen, numHeads, headSize]),
    tf.tensor4d(inputs.k, [1, seqLen, numKvHeads, headSize]),
    tf.tensor4d(inputs.v, [1, seqLen, numKvHeads, headSize]),
  ] as const;
  const { problem } = describeDense('bench', ...tensors, {
    causal,
    ...(slidingWindow !== undefined && { slidingWindow }),
  });
  tf.dispose([...tensors]);

  const lookup = storedLookup(cell, dtype);
  const hosted: ReferenceInputs = { q: inputs.q, key: lookup(inputs.k), value: lookup(inputs.v) };
  const rowAt = (round: Round, token: number, head: number) =>
    referenceRow(problem, hosted, round, 0, 0, queryLen, token, head).output;
  const rows = sampledRows(cell).map(({ token, head }) => ({
    token,
    head,
    output: rowAt((x) => x, token, head),
  }));
  const largest = Math.max(...rows.map(({ output }) => maxOf(output, Math.abs)));
  const plain = rows.map(({ token, head, output }) => {
    const rounded = rowAt(Math.fround, token, head);
    return maxOf(rounded, (x, i) => Math.abs(x - output[i]));
  });
  return {
    rows,
    tolerance: 2 * Math.max(...plain) + 4 * 2 ** -24 * largest,
    looseTolerance: 1e-3 * largest,
  };
}

/** Compares the last run's output with the oracle. */
export function judge(
  { row }: Pick<Runner, 'row'>,
  { rows }: Expected,
  tolerance: number,
): Verdict {
  const errors = rows.map(({ token, head, output }) => {
    const actual = row(token, head);
    return maxOf(output, (x, i) => Math.abs(actual[i] - x));
  });
  const error = maxOf(errors, (x) => x);
  return { error, right: error <= tolerance };
}

/** First, last and inner tokens, over the first, middle and last head; one token is looked at in the outer heads. */
export function sampledRows({ queryLen, numHeads }: Cell): { token: number; head: number }[] {
  if (queryLen === 1) return [...new Set([0, numHeads - 1])].map((head) => ({ token: 0, head }));
  const tokens = [0, 0.37, 0.5, 0.81, 1].map((part) => Math.floor(part * (queryLen - 1)));
  const heads = [0, Math.floor(numHeads / 2), numHeads - 1];
  return [...new Set(tokens)].map((token, i) => ({ token, head: heads[i % heads.length] }));
}

/** Largest of f over the values; NaN if one is. */
function maxOf(values: ArrayLike<number>, f: (x: number, i: number) => number): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const found = f(values[i], i);
    if (!(found <= most)) most = found;
    if (Number.isNaN(most)) return NaN;
  }
  return most;
}

/** Stored lanes by key and head, each row converted once. */
function storedLookup({ numKvHeads, headSize }: Cell, dtype: KvCacheDtype) {
  return (data: Float32Array): ReferenceInputs['key'] => {
    const rows = new Map<number, Float32Array>();
    return (_, j, head, lane) => {
      const at = j * numKvHeads + head;
      if (dtype === 'float32') return data[at * headSize + lane];
      let row = rows.get(at);
      if (row === undefined) {
        row = storedRow(data.subarray(at * headSize, (at + 1) * headSize), dtype);
        rows.set(at, row);
      }
      return row[lane];
    };
  };
}
