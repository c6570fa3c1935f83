import { concat, gather, slice, tensor1d, type Tensor } from '@tensorflow/tfjs-core';

/** Stretches of neighbouring rows that are copied one by one; more are gathered, which stock 'cpu' does slowly. */
const MANY = 32;

/** Rows of the first axis, in any order. */
export function takeRows(x: Tensor, rows: Int32Array): Tensor {
  const runs = runsOf(rows);
  if (runs.length > MANY) return gather(x, tensor1d(rows, 'int32'));
  const parts = runs.map(([first, count]) => slice(x, [first], [count]));
  return parts.length === 1 ? parts[0] : concat(parts);
}

/** Stretches `[first, count]` of rows that rise by one. */
function runsOf(rows: Int32Array): [first: number, count: number][] {
  const runs: [number, number][] = [];
  for (const row of rows) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === row) last[1]++;
    else runs.push([row, 1]);
  }
  return runs;
}
