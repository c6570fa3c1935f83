import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CapacityError, InvalidArgumentError } from '../errors.js';
import type { KvCacheBlock } from './block.js';
import { hashBlockTokens, type BlockHash } from './block_hash.js';
import { BlockPool } from './block_pool.js';
import { KvCacheRequest } from './request.js';

const idsOf = (blocks: readonly KvCacheBlock[]) => blocks.map((block) => block.blockId);
const request = (length: number) => new KvCacheRequest('r', Array(length).keys(), { blockSize: 2 });

test('block 0 is the null block and never given out', () => {
  const pool = new BlockPool(4);
  expect(idsOf(pool.getNewBlocks(3))).toEqual([1, 2, 3]);
  expect(pool.nullBlock).toMatchObject({ blockId: 0, isNull: true });
  expect(pool.getNumFreeBlocks()).toBe(0);
  expect(() => pool.getNewBlocks(1)).toThrow(CapacityError);
  expect(() => pool.getNewBlocks(1)).toThrow(/1 blocks asked for, 0 of 4 are free/);
});

test('what was freed first is given out first; a touched block leaves the middle', () => {
  const pool = new BlockPool(6);
  const [a, b, c, d] = pool.getNewBlocks(4);
  pool.freeBlocks([c, a, b]);
  expect(pool.freeBlockIds()).toEqual([5, 3, 1, 2]);
  pool.touch([a]);
  expect(pool.freeBlockIds()).toEqual([5, 3, 2]);
  pool.freeBlocks([d, a]);
  expect(idsOf(pool.getNewBlocks(5))).toEqual([5, 3, 2, 4, 1]);
});

test('a block that two hold is free when both gave it back', () => {
  const pool = new BlockPool(2);
  const blocks = pool.getNewBlocks(1);
  pool.touch(blocks);
  pool.freeBlocks(blocks);
  expect(pool.getUsage()).toBe(1);
  pool.freeBlocks(blocks);
  expect(pool.getUsage()).toBe(0);
});

test('freeing too often changes nothing', () => {
  const pool = new BlockPool(3);
  const [a, b] = pool.getNewBlocks(2);
  expect(() => pool.freeBlocks([b, a, a])).toThrow(InvalidArgumentError);
  expect(() => pool.freeBlocks([b, a, a])).toThrow(/block 1 is freed more often/);
  expect([a.refCnt, b.refCnt, pool.getNumFreeBlocks()]).toEqual([1, 1, 0]);
});

test('null blocks are passed over', () => {
  const pool = new BlockPool(2);
  pool.touch([pool.nullBlock]);
  pool.freeBlocks([pool.nullBlock, pool.nullBlock]);
  expect(pool.freeBlockIds()).toEqual([1]);
});

test('content is found until its block is given out again', () => {
  const pool = new BlockPool(3);
  const r = request(4);
  const blocks = pool.getNewBlocks(2);
  pool.cacheFullBlocks(r, blocks, 0, 2, 2, 0);
  pool.freeBlocks([...blocks].reverse());
  expect(pool.getCachedBlock(r.blockHashes[1], [0])).toEqual([blocks[1]]);
  expect(pool.getCachedBlock(r.blockHashes[1], [1])).toBeNull();
  expect(pool.getNewBlocks(1)).toEqual([blocks[1]]);
  expect(pool.getCachedBlock(r.blockHashes[1], [0])).toBeNull();
  expect(pool.getCachedBlock(r.blockHashes[0], [0])).toEqual([blocks[0]]);
});

test('of two blocks with one content the other is found when one goes', () => {
  const pool = new BlockPool(4);
  const r = request(2);
  const [a, b, c] = pool.getNewBlocks(3);
  for (const block of [a, b, c]) pool.cacheFullBlocks(r, [block], 0, 1, 2, 0);
  for (const [gone, found] of [
    [a, b],
    [b, c],
  ]) {
    // prettier-ignore
    pool.freeBlocks([gone]);
    pool.getNewBlocks(1);
    expect(pool.getCachedBlock(r.blockHashes[0], [0])).toEqual([found]);
  }
});

test('without caching nothing is found', () => {
  const pool = new BlockPool(3, false);
  const r = request(2);
  pool.cacheFullBlocks(r, pool.getNewBlocks(1), 0, 1, 2, 0);
  expect(pool.getCachedBlock(r.blockHashes[0], [0])).toBeNull();
});

test('the prefix cache is forgotten only when no request holds a block', () => {
  const pool = new BlockPool(4);
  const r = request(2);
  const sinks = pool.reserveBlocks(1);
  const blocks = pool.getNewBlocks(1);
  pool.cacheFullBlocks(r, blocks, 0, 1, 2, 0);
  expect(pool.resetPrefixCache()).toBe(false);
  expect(pool.getCachedBlock(r.blockHashes[0], [0])).toEqual(blocks);
  pool.freeBlocks(blocks);
  expect(pool.resetPrefixCache()).toBe(true);
  expect(pool.getCachedBlock(r.blockHashes[0], [0])).toBeNull();
  expect(pool.getUsage()).toBe(0);
  expect(sinks[0].refCnt).toBe(1);
});

test('events tell what can be found and what no longer', () => {
  const pool = new BlockPool(3, true, true);
  const r = request(5);
  const blocks = pool.getNewBlocks(2);
  pool.cacheFullBlocks(r, blocks, 0, 1, 2, 7);
  pool.cacheFullBlocks(r, blocks, 1, 2, 2, 7);
  pool.freeBlocks(blocks);
  pool.getNewBlocks(1);
  const [first, second] = r.blockHashes;
  const stored = { type: 'BlockStored', blockSize: 2, groupId: 7 };
  expect(pool.takeEvents()).toEqual([
    { ...stored, blockHashes: [first], parentBlockHash: null, tokenIds: [0, 1] },
    { ...stored, blockHashes: [second], parentBlockHash: first, tokenIds: [2, 3] },
    { type: 'BlockRemoved', blockHashes: [first], groupId: 7 },
  ]);
  expect(pool.takeEvents()).toEqual([]);
});

/** The pool as plain lists. */
interface Model {
  holders: Map<number, number>;
  free: number[];
  content: Map<number, BlockHash>;
}

type Step =
  | { kind: 'take'; count: number }
  | { kind: 'free'; pick: number; count: number }
  | { kind: 'touch'; pick: number }
  | { kind: 'cache'; pick: number; token: number }
  | { kind: 'find'; token: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('take' as const), count: fc.nat(4) }),
  fc.record({ kind: fc.constant('free' as const), pick: fc.nat(50), count: fc.nat(3) }),
  fc.record({ kind: fc.constant('touch' as const), pick: fc.nat(50) }),
  fc.record({ kind: fc.constant('cache' as const), pick: fc.nat(50), token: fc.nat(4) }),
  fc.record({ kind: fc.constant('find' as const), token: fc.nat(4) }),
);

function perform(pool: BlockPool, model: Model, action: Step): void {
  const held = [...model.holders].filter(([, count]) => count > 0).map(([id]) => id);
  const pick = (n: number, from: number[]) => from[n % from.length];
  switch (action.kind) {
    case 'take': {
      if (action.count > model.free.length) {
        expect(() => pool.getNewBlocks(action.count)).toThrow(CapacityError);
        return;
      }
      const taken = model.free.splice(0, action.count);
      taken.forEach((id) => model.holders.set(id, 1));
      taken.forEach((id) => model.content.delete(id));
      expect(idsOf(pool.getNewBlocks(action.count))).toEqual(taken);
      return;
    }
    case 'free': {
      if (held.length === 0) return;
      const ids = [...new Set(Array.from({ length: action.count }, (_, i) => pick(action.pick + i, held)))]; // prettier-ignore
      ids.forEach((id) => model.holders.set(id, model.holders.get(id)! - 1));
      model.free.push(...ids.filter((id) => model.holders.get(id) === 0));
      pool.freeBlocks(ids.map((id) => pool.blocks[id]));
      return;
    }
    case 'touch': {
      const id = 1 + (action.pick % (pool.numGpuBlocks - 1));
      model.holders.set(id, (model.holders.get(id) ?? 0) + 1);
      model.free = model.free.filter((free) => free !== id);
      pool.touch([pool.blocks[id]]);
      return;
    }
    case 'cache': {
      const id = held.length > 0 ? pick(action.pick, held) : undefined;
      if (id === undefined || model.content.has(id)) return;
      const hash = hashBlockTokens(null, [action.token]);
      model.content.set(id, hash);
      const tokens = { blockHashes: [hash], allTokenIds: [action.token] };
      pool.cacheFullBlocks(tokens, [pool.blocks[id]], 0, 1, 1, 0);
      return;
    }
    case 'find': {
      const hash = hashBlockTokens(null, [action.token]);
      const ids = [...model.content].filter(([, known]) => known === hash).map(([id]) => id);
      const found = pool.getCachedBlock(hash, [0]);
      if (found === null) expect(ids).toEqual([]);
      else expect(ids).toContain(found[0].blockId);
      return;
    }
    default:
      action satisfies never;
  }
}

test('any sequence of calls does what plain lists do', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 9 }),
      fc.array(step, { maxLength: 60 }),
      (size, steps) => {
        const pool = new BlockPool(size);
        const free = Array.from({ length: size - 1 }, (_, i) => i + 1);
        const model: Model = { holders: new Map(), free, content: new Map() };
        for (const action of steps) {
          perform(pool, model, action);
          const counts = pool.blocks.slice(1).map((block) => block.refCnt);
          expect(counts).toEqual(counts.map((_, i) => model.holders.get(i + 1) ?? 0));
          expect(pool.freeBlockIds()).toEqual(model.free);
          expect(pool.getNumFreeBlocks()).toBe(model.free.length);
          expect(model.free.length + counts.filter((count) => count > 0).length).toBe(size - 1);
        }
      },
    ),
    { numRuns: 300 },
  );
});
