import { describe, expect, test } from '@jest/globals';
import { BlockPool } from './block_pool.js';
import { blocksNeeded, PagedSequence } from './paged_sequence.js';

describe('block pool', () => {
  test('hands out each block once, takes it back, and gives all or nothing', () => {
    const pool = new BlockPool(4);
    expect(pool.allocate(3)).toEqual([0, 1, 2]);
    expect(() => pool.allocate(2)).toThrow('2 more blocks are needed, 1 of 4 are free');
    expect(pool.numFree).toBe(1);
    pool.release([1]);
    expect(new Set(pool.allocate(2))).toEqual(new Set([1, 3]));
    expect(pool.numUsed).toBe(4);
  });
});

describe('paged sequence', () => {
  test('packs tokens into blocks', () => {
    const pool = new BlockPool(3);
    pool.allocate(1);
    const sequence = new PagedSequence(pool, { blockSize: 4, window: null });
    const first = sequence.append(3);
    expect(first.slotMapping).toEqual(Int32Array.of(4, 5, 6));
    expect(first.seqLens).toEqual(Int32Array.of(3));
    const second = sequence.append(2);
    expect(second.slotMapping).toEqual(Int32Array.of(7, 8));
    expect(second.blockTables).toEqual(Int32Array.of(1, 2));
    expect(second.queryOffsets).toEqual(Int32Array.of(3));
    expect(pool.numFree).toBe(0);
  });

  test('blocks that left the window are used again', () => {
    const paging = { blockSize: 2, window: 3 };
    const pool = new BlockPool(blocksNeeded(100, 1, paging));
    const sequence = new PagedSequence(pool, paging);
    for (let position = 0; position < 100; position++) {
      const { blockTables, slotMapping } = sequence.append(1);
      const live = [0, 1, 2]
        .map((back) => Math.floor((position - back) / 2))
        .filter((block) => block >= 0);
      const blocks = live.map((block) => blockTables[block]);
      // What the token sees lies in blocks of its own.
      expect(new Set(blocks).size).toBe(new Set(live).size);
      expect(slotMapping?.[0]).toBe(blocks[0] * 2 + (position % 2));
    }
    expect(pool.numBlocks).toBeLessThanOrEqual(3);
  });

  test.each([
    [100, 8, { blockSize: 16, window: null }, 7],
    [100, 8, { blockSize: 16, window: 5 }, 2],
    [20, 8, { blockSize: 16, window: 50 }, 2],
  ])('%d tokens in chunks of %d with %j need %d blocks', (tokens, chunk, paging, blocks) =>
    expect(blocksNeeded(tokens, chunk, paging)).toBe(blocks),
  );

  test('a windowed sequence in chunks never needs more than was reckoned', () => {
    for (const blockSize of [1, 3, 4, 16]) {
      for (const window of [1, 2, 7, 16, 33]) {
        for (const chunk of [1, 2, 5, 16]) {
          const paging = { blockSize, window };
          const sequence = new PagedSequence(
            new BlockPool(blocksNeeded(90, chunk, paging)),
            paging,
          );
          for (let done = 0; done < 60; done += chunk) sequence.append(Math.min(chunk, 60 - done));
          for (let i = 0; i < 30; i++) sequence.append(1);
          expect(sequence.length).toBe(90);
        }
      }
    }
  });
});
