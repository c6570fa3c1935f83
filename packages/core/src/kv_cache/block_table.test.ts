import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CapacityError, InvalidArgumentError } from '../errors.js';
import { getDcpLocalSeqLens } from '../metadata/dcp.js';
import { BlockTable, type BlockTableOptions } from './block_table.js';
import { MultiGroupBlockTable } from './multi_group_block_table.js';

const makeTable = (changes: Partial<BlockTableOptions> = {}) =>
  new BlockTable({
    blockSize: 4,
    maxNumReqs: 3,
    maxNumBlocksPerReq: 4,
    maxNumBatchedTokens: 16,
    ...changes,
  });

const rows = (table: BlockTable) => [0, 1, 2].map((r) => Array.from(table.getRow(r)));

test('rows are added, appended to, moved, swapped and cleared', () => {
  const table = makeTable();
  table.addRow([5, 6], 0);
  table.addRow([7], 1);
  table.appendRow([8, 9], 1);
  expect(rows(table)).toEqual([[5, 6], [7, 8, 9], []]);
  table.swapRow(0, 1);
  expect(rows(table)).toEqual([[7, 8, 9], [5, 6], []]);
  table.moveRow(1, 2);
  expect(rows(table)).toEqual([[7, 8, 9], [5, 6], [5, 6]]); // prettier-ignore
  table.addRow([1], 0);
  expect(rows(table)[0]).toEqual([1]);
  table.clear();
  expect(rows(table)).toEqual([[], [], []]);
  expect(table.commitBlockTable(3)).toEqual(new Int32Array(12));
});

test('a committed table no longer changes', () => {
  const table = makeTable();
  table.addRow([5, 6], 0);
  const committed = table.commitBlockTable(1);
  table.addRow([9], 0);
  expect(committed).toEqual(Int32Array.of(5, 6, 0, 0));
});

test('slots of tokens', () => {
  const table = makeTable();
  table.addRow([7, 2], 0);
  table.addRow([3], 2);
  table.computeSlotMapping([0, 0, 0, 2], [3, 4, 7, 0]);
  expect(table.commitSlotMapping(4)).toEqual(Int32Array.of(31, 8, 11, 12));
});

test('kernels may see smaller blocks than the pool', () => {
  const table = makeTable({ blockSize: 32, kernelBlockSize: 16, maxNumBlocksPerReq: 2 });
  table.addRow([0, 3], 0);
  table.addRow([2], 1);
  expect(rows(table)).toEqual([[0, 1, 6, 7], [4, 5], []]); // prettier-ignore
  expect([table.blockSize, table.maxNumBlocksPerReq]).toEqual([16, 4]);
  table.appendRow([1], 1);
  table.computeSlotMapping([1, 1], [31, 32]);
  expect(table.commitSlotMapping(2)).toEqual(Int32Array.of(5 * 16 + 15, 2 * 16));
});

test('slots say the same whatever kernels see', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(50), { minLength: 1, maxLength: 4 }),
      fc.constantFrom(1, 2, 4, 8),
      (blocks, kernelBlockSize) => {
        const tokens = Array.from({ length: blocks.length * 8 }, (_, t) => t);
        const slots = [8, kernelBlockSize].map((size) => {
          const table = makeTable({ blockSize: 8, kernelBlockSize: size, maxNumBatchedTokens: 32 });
          table.addRow(blocks, 1);
          table.computeSlotMapping(tokens.fill(1).map(() => 1), tokens.map((_, t) => t)); // prettier-ignore
          return table.commitSlotMapping(tokens.length);
        });
        expect(slots[0]).toEqual(slots[1]);
      },
    ),
  );
});

test('ranks share the positions, each slot once, in order', () => {
  for (const dcpWorldSize of [2, 3]) {
    for (const cpKvCacheInterleaveSize of [1, 2, 4]) {
      const length = 4 * dcpWorldSize * 2 - 3;
      const owned = Array.from({ length: dcpWorldSize }, (_, dcpRank) => {
        const table = makeTable({ dcpWorldSize, dcpRank, cpKvCacheInterleaveSize, maxNumBatchedTokens: 64 }); // prettier-ignore
        table.addRow([5, 9], 0);
        const positions = Array.from({ length }, (_, t) => t);
        table.computeSlotMapping(new Int32Array(length), positions);
        const local = Array.from(table.commitSlotMapping(length)).filter((slot) => slot >= 0);
        const lens = getDcpLocalSeqLens(Int32Array.of(length), dcpWorldSize, dcpRank, cpKvCacheInterleaveSize); // prettier-ignore
        expect(local).toEqual([20, 21, 22, 23, 36, 37, 38, 39].slice(0, lens[0]));
        return local.length;
      });
      expect(owned.reduce((sum, count) => sum + count)).toBe(length);
    }
  }
});

test('bad calls change nothing', () => {
  const table = makeTable();
  table.addRow([1, 2, 3], 0);
  expect(() => table.appendRow([4, 5], 0)).toThrow(CapacityError);
  expect(() => table.appendRow([4, 5], 0)).toThrow(
    /row 0 would have 5 blocks, maxNumBlocksPerReq is 4/,
  );
  expect(() => table.addRow([7, -1], 0)).toThrow(/blockIds\[1\] .* got -1/);
  expect(() => table.addRow([1], 3)).toThrow(/rowIdx must be an int32 from 0 to 2, got 3/);
  expect(() => table.swapRow(0, 3)).toThrow(InvalidArgumentError);
  expect(rows(table)).toEqual([[1, 2, 3], [], []]);
  expect(() => table.computeSlotMapping([0], [12])).toThrow(
    /positions\[0\] = 12 has no block: row 0 has 3 blocks of 4 tokens/,
  );
  expect(() => table.computeSlotMapping([1], [0])).toThrow(/row 1 has 0 blocks/);
  expect(() => table.computeSlotMapping([0, 0], [0])).toThrow(/equally many/);
  expect(() => makeTable({ kernelBlockSize: 3 })).toThrow(/kernelBlockSize 3 must divide/);
  expect(() => makeTable({ cpKvCacheInterleaveSize: 3 })).toThrow(/must divide the block size 4/);
});

test('groups keep in step', () => {
  const tables = new MultiGroupBlockTable({
    maxNumReqs: 2,
    maxModelLen: 17,
    maxNumBatchedTokens: 8,
    blockSizes: [4, 8],
    kernelBlockSizes: [4, 4],
    numSpeculativeTokens: 1,
  });
  expect(tables.blockTables.map((table) => table.maxNumBlocksPerReq)).toEqual([5, 6]);
  tables.addRow([[3], [2]], 0);
  tables.appendRow([[4, 5], []], 0);
  tables.moveRow(0, 1);
  tables.addRow([[9], [1]], 0);
  tables.swapRow(0, 1);
  tables.computeSlotMapping([0, 1], [5, 3]);
  expect(tables.commitSlotMapping(2)).toEqual([Int32Array.of(17, 39), Int32Array.of(21, 11)]);
  expect(tables.commitBlockTable(1).map((table) => Array.from(table))).toEqual([
    [3, 4, 5, 0, 0],
    [4, 5, 0, 0, 0, 0],
  ]);
  expect(Array.from(tables.at(1).getRow(1))).toEqual([2, 3]);
  expect(() => tables.addRow([[1]], 0)).toThrow(/a list for each of the 2 groups, got 1/);
  tables.clear();
  expect(tables.at(0).getRow(0)).toHaveLength(0);
});
