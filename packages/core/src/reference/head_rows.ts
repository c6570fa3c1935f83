import type { AttentionProblem } from '../problem/problem.js';
import type { ReferenceInputs } from './attention.js';

/** What the queries of one sequence read of one KV head. */
export interface HeadRows {
  /** `[S, H]`. */
  keys: Float64Array;
  /** `[S, Hv]`. */
  values: Float64Array;
}

/** The rows that a query head of sequence b reads; each KV head is looked up once, for all queries of its group. */
export function rowsByHead(
  { params, ints }: AttentionProblem,
  inputs: ReferenceInputs,
  b: number,
): (head: number) => HeadRows {
  const found = new Map<number, HeadRows>();
  const rowsOf = (lookUp: ReferenceInputs['key'], kvHead: number, size: number) => {
    const rows = new Float64Array(ints.seqLens[b] * size);
    for (let at = 0, j = 0; at < rows.length; j++) {
      for (let lane = 0; lane < size; lane++) rows[at++] = lookUp(b, j, kvHead, lane);
    }
    return rows;
  };
  return (head) => {
    const kvHead = Math.floor(head / (params.numHeads / params.numKvHeads));
    let rows = found.get(kvHead);
    if (rows === undefined) {
      rows = {
        keys: rowsOf(inputs.key, kvHead, params.headSize),
        values: rowsOf(inputs.value, kvHead, params.valueHeadSize),
      };
      found.set(kvHead, rows);
    }
    return rows;
  };
}
