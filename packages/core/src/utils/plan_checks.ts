import { Tensor } from '@tensorflow/tfjs-core';
import { CapacityError } from '../errors.js';
import type { KvCacheLayout } from '../kv_cache/layout.js';
import { check, checkInt, invalid } from '../problem/checks.js';
import type { AttentionPlan, AttentionPlanOptions } from './plan_attention.js';

/** Query lengths must not be negative, nor lengths. Returns the longest of each. */
export function checkLengths(
  op: string,
  queryStartLoc: Int32Array,
  seqLens: Int32Array,
): { maxQueryLen: number; maxSeqLen: number } {
  let maxQueryLen = 0;
  let maxSeqLen = 0;
  for (let b = 0; b < seqLens.length; b++) {
    const queryLen = queryStartLoc[b + 1] - queryStartLoc[b];
    if (queryLen < 0) {
      throw invalid(
        op,
        `queryStartLoc must not fall: entry ${b + 1} is ${queryStartLoc[b + 1]} after ${queryStartLoc[b]}`,
      );
    }
    if (seqLens[b] < 0) throw invalid(op, `seqLens[${b}] must be >= 0, got ${seqLens[b]}`);
    if (queryLen > maxQueryLen) maxQueryLen = queryLen;
    if (seqLens[b] > maxSeqLen) maxSeqLen = seqLens[b];
  }
  return { maxQueryLen, maxSeqLen };
}

/** Flattens block tables to `[B, M]`; shorter rows are padded with -1. */
export function checkBlockTables(
  op: string,
  tables: AttentionPlanOptions['blockTables'],
  numSeqs: number,
): { flat: Int32Array; width: number } {
  check(
    !((tables as unknown) instanceof Tensor),
    op,
    'blockTables must be a host Int32Array [B, M], not a Tensor: metadata never live on the device. Pass the Int32Array itself',
  );
  if (tables instanceof Int32Array) {
    check(
      tables.length > 0 && tables.length % numSeqs === 0,
      op,
      () =>
        `blockTables has ${tables.length} entries: a flat [B, M] needs a positive multiple of B = ${numSeqs}`,
    );
    return { flat: tables.slice(), width: tables.length / numSeqs };
  }
  const rows: readonly (ArrayLike<number> | null)[] = Array.isArray(tables) ? tables : [];
  check(
    rows.length === numSeqs,
    op,
    () =>
      `blockTables must be an Int32Array [B, M] or ${numSeqs} rows, got ${Array.isArray(tables) ? `${rows.length} rows` : typeof tables}`,
  );
  rows.forEach((row, b) => checkRow(op, row, b));
  const width = rows.reduce((most, row) => Math.max(most, row?.length ?? 0), 1);
  const flat = new Int32Array(numSeqs * width).fill(-1);
  rows.forEach((row, b) => flat.set(row ?? [], b * width));
  return { flat, width };
}

/** A row that is absent has no blocks. */
function checkRow(op: string, row: ArrayLike<number> | null | undefined, b: number): void {
  if (row == null || row instanceof Int32Array) return;
  check(
    Array.isArray(row),
    op,
    () => `blockTables[${b}] must be an array of block ids, got ${typeof row}`,
  );
  for (let i = 0; i < row.length; i++) checkInt(row[i], op, () => `blockTables[${b}][${i}]`);
}

/** Slots are -1 or distinct: two tokens in one slot would leave whichever wrote last. */
export function checkSlots(op: string, slotMapping: Int32Array): void {
  const sorted = slotMapping.slice().sort();
  if (sorted[0] < -1) {
    const token = slotMapping.findIndex((slot) => slot < -1);
    throw invalid(
      op,
      `slotMapping[${token}] = ${slotMapping[token]} must be a slot or -1 (not written)`,
    );
  }
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i] === sorted[i - 1] && sorted[i] !== -1) {
      const token = slotMapping.lastIndexOf(sorted[i]);
      throw invalid(
        op,
        `slotMapping[${token}] = ${sorted[i]} occurs twice: every token of a write needs a slot of its own`,
      );
    }
  }
}

/** Block ids, slots and lengths against what the cache holds. */
export function checkAgainstCache(op: string, plan: AttentionPlan, layout: KvCacheLayout): void {
  const { seqLens, blockTables, maxBlocksPerSeq } = plan;
  const { numBlocks, blockSize } = layout;
  for (let b = 0; b < seqLens.length; b++) {
    const blocks = Math.ceil(seqLens[b] / blockSize);
    if (blocks > maxBlocksPerSeq) {
      throw new CapacityError(
        `${op}: seqLens[${b}] = ${seqLens[b]} needs ${blocks} blocks of ${blockSize}, its block table has ` +
          `${maxBlocksPerSeq}; widen blockTables or shorten the sequence`,
      );
    }
    const first = b * maxBlocksPerSeq;
    for (let i = first; i < first + blocks; i++) {
      const block = blockTables[i];
      if (block >= 0 && block < numBlocks) continue;
      throw invalid(
        op,
        `blockTables[${b}][${i - first}] = ${block} is outside the cache's blocks 0 to ${numBlocks - 1}`,
      );
    }
  }
  checkSlotRange(op, plan.slotMapping, numBlocks * blockSize);
}

function checkSlotRange(op: string, slotMapping: Int32Array | undefined, numSlots: number): void {
  if (slotMapping === undefined) return;
  for (let token = 0; token < slotMapping.length; token++) {
    if (slotMapping[token] < numSlots) continue;
    throw invalid(
      op,
      `slotMapping[${token}] = ${slotMapping[token]} is outside the cache's slots 0 to ${numSlots - 1}`,
    );
  }
}
