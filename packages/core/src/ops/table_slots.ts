import { CapacityError } from '../errors.js';
import type { KvCacheLayout } from '../kv_cache/layout.js';
import { check, checkInt, checkInt32Array } from '../problem/checks.js';
import { checkCuSeqlens } from '../problem/cu_seqlens.js';

/** One row of block ids a sequence. */
export type BlockTableRows = readonly (Int32Array | readonly number[])[];

/**
 * Slot of every token of every sequence, packed: token t of sequence b stands at position seqStarts[b] + t of its blocks.
 *
 * @throws InvalidArgumentError for blocks outside the cache; CapacityError for positions past a row.
 */
export function slotsOfTable(
  op: string,
  blockTable: BlockTableRows,
  cuSeqLens: Int32Array,
  { blockSize, numBlocks }: KvCacheLayout,
  seqStarts?: Int32Array,
): Int32Array {
  checkCuSeqlens(op, 'cuSeqLens', cuSeqLens);
  const numSeqs = cuSeqLens.length - 1;
  const isRows: boolean = Array.isArray(blockTable) && blockTable.length === numSeqs;
  check(isRows, op, `blockTable must be ${numSeqs} rows, one for each length in cuSeqLens`);
  if (seqStarts !== undefined) checkInt32Array(seqStarts, op, 'seqStarts', numSeqs, '[B]');
  const slots = new Int32Array(cuSeqLens[numSeqs]);
  let next = 0;
  blockTable.forEach((row, b) => {
    const start = seqStarts?.[b] ?? 0;
    checkInt(start, op, `seqStarts[${b}]`, 0);
    const end = start + cuSeqLens[b + 1] - cuSeqLens[b];
    if (Math.ceil(end / blockSize) > row.length) {
      throw new CapacityError(
        `${op}: sequence ${b} ends at position ${end}, its ${row.length} blocks of ${blockSize} at ${row.length * blockSize}`,
      );
    }
    for (let position = start; position < end; position++) {
      const block = row[Math.floor(position / blockSize)];
      checkInt(
        block,
        op,
        () => `blockTable[${b}][${Math.floor(position / blockSize)}]`,
        0,
        numBlocks - 1,
      );
      slots[next++] = block * blockSize + (position % blockSize);
    }
  });
  return slots;
}
