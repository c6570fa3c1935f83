import { Tensor } from '@tensorflow/tfjs-core';
import { CapacityError } from '../errors.js';
import type { KvCacheLayout } from '../kv_cache/layout.js';
import { check, checkInt } from '../problem/checks.js';
import type { AttentionMetadata, AttentionPlan } from './plan_attention.js';

/** Flattens block tables to `[B, M]`; shorter rows are padded with -1. */
export function checkBlockTables(
  op: string,
  tables: AttentionMetadata['blockTables'],
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
      `blockTables has ${tables.length} entries: a flat [B, M] needs a positive multiple of B = ${numSeqs}`,
    );
    return { flat: tables.slice(), width: tables.length / numSeqs };
  }
  const rows: readonly (ArrayLike<number> | null)[] = Array.isArray(tables) ? tables : [];
  check(
    rows.length === numSeqs,
    op,
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
    `blockTables[${b}] must be an array of block ids, got ${typeof row}`,
  );
  Array.from(row).forEach((block, i) => checkInt(block, op, `blockTables[${b}][${i}]`));
}

/** Slots are -1 or distinct: two tokens in one slot would leave whichever wrote last. */
export function checkSlots(op: string, slotMapping: Int32Array): void {
  const seen = new Set<number>();
  slotMapping.forEach((slot, token) => {
    check(slot >= -1, op, `slotMapping[${token}] = ${slot} must be a slot or -1 (not written)`);
    check(
      slot === -1 || !seen.has(slot),
      op,
      `slotMapping[${token}] = ${slot} occurs twice: every token of a write needs a slot of its own`,
    );
    seen.add(slot);
  });
}

/** Block ids, slots and lengths against what the cache holds. */
export function checkAgainstCache(op: string, plan: AttentionPlan, layout: KvCacheLayout): void {
  const { numBlocks, blockSize } = layout;
  plan.seqLens.forEach((length, b) => {
    const blocks = Math.ceil(length / blockSize);
    if (blocks > plan.maxBlocksPerSeq) {
      throw new CapacityError(
        `${op}: seqLens[${b}] = ${length} needs ${blocks} blocks of ${blockSize}, its block table has ` +
          `${plan.maxBlocksPerSeq}; widen blockTables or shorten the sequence`,
      );
    }
    for (let i = 0; i < blocks; i++) {
      const block = plan.blockTables[b * plan.maxBlocksPerSeq + i];
      check(
        block >= 0 && block < numBlocks,
        op,
        `blockTables[${b}][${i}] = ${block} is outside the cache's blocks 0 to ${numBlocks - 1}`,
      );
    }
  });
  const numSlots = numBlocks * blockSize;
  plan.slotMapping?.forEach((slot, token) =>
    check(
      slot < numSlots,
      op,
      `slotMapping[${token}] = ${slot} is outside the cache's slots 0 to ${numSlots - 1}`,
    ),
  );
}
