import { checkInt32Array, checkOffset } from './checks.js';

/** Position of each sequence's first query `[B]`; default seqLen - queryLen: the last query meets the last key. */
export function readOffsets(
  op: string,
  queryOffset: number | Int32Array | undefined,
  seqLens: Int32Array,
  queryLen: (b: number) => number,
): Int32Array {
  if (queryOffset == null) return seqLens.map((length, b) => length - queryLen(b));
  if (typeof queryOffset === 'number') {
    checkOffset(op, queryOffset);
    return new Int32Array(seqLens.length).fill(queryOffset);
  }
  checkInt32Array(queryOffset, op, 'queryOffset', seqLens.length, '[B]');
  queryOffset.forEach((offset) => checkOffset(op, offset));
  return queryOffset.slice();
}
