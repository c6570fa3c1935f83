import { expect, test } from '@jest/globals';
import { CapacityError, InvalidArgumentError } from '../errors.js';
import { makeKvCacheConfig } from './kv_cache_config.js';
import { KvCacheManager, type KvCacheManagerOptions } from './kv_cache_manager.js';
import { KvCacheRequest } from './request.js';
import {
  CrossAttentionSpec,
  FullAttentionSpec,
  SlidingWindowSpec,
  type KvCacheSpec,
} from './spec.js';

const geometry = { blockSize: 4, numKvHeads: 1, headSize: 8 };
const full = new FullAttentionSpec(geometry);
const window = new SlidingWindowSpec({ ...geometry, slidingWindow: 5 });

function makeManager(
  specs: Record<string, KvCacheSpec>,
  numBlocks: number,
  options: Partial<KvCacheManagerOptions> = {},
) {
  const kvCacheConfig = makeKvCacheConfig(specs, { numBlocks });
  return new KvCacheManager({ kvCacheConfig, maxModelLen: 100, ...options });
}

const ids = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);
const request = (id: string, tokens: number[]) => new KvCacheRequest(id, tokens, geometry);

/** What a scheduler does with a request that starts: all of its prompt in one step. */
function start(manager: KvCacheManager, r: KvCacheRequest) {
  const { blocks, numTokens } = manager.getComputedBlocks(r);
  const given = manager.allocateSlots(r, r.numTokens - numTokens, {
    numNewComputedTokens: numTokens,
    newComputedBlocks: blocks,
  });
  if (given !== null) r.numComputedTokens = r.numTokens;
  return { numTokens, given };
}

test('a shared prefix is computed once', () => {
  const manager = makeManager({ a: full }, 10);
  const [r, s] = [request('r', ids(10)), request('s', [...ids(9), 99])];
  expect(start(manager, r).numTokens).toBe(0);
  expect(start(manager, s).numTokens).toBe(8);
  expect(manager.getBlockIds('r')).toEqual([[1, 2, 3]]);
  expect(manager.getBlockIds('s')).toEqual([[1, 2, 4]]);
  expect(manager.getNumCommonPrefixBlocks('r')).toEqual([2]);
  expect(manager.takePrefixCacheStats()).toEqual({ requests: 2, queries: 20, hits: 8 });
  expect(manager.usage).toBeCloseTo(4 / 9);
});

test('the last token is computed even if all are cached', () => {
  const manager = makeManager({ a: full }, 10);
  start(manager, request('r', ids(8)));
  expect(start(manager, request('s', ids(8))).numTokens).toBe(4);
});

test('what a freed request held is found until it is needed', () => {
  const manager = makeManager({ a: full }, 5);
  const r = request('r', ids(12));
  start(manager, r);
  manager.free(r);
  expect(manager.usage).toBe(0);
  // Block 4 was never used, block 3 held the tail: these go first, the prefix stays.
  start(manager, request('s', ids(8, 50)));
  expect(manager.getBlockIds('s')).toEqual([[4, 3]]);
  expect(manager.getComputedBlocks(request('t', ids(12))).numTokens).toBe(8);
});

test('a request without room changes nothing and fits later', () => {
  const manager = makeManager({ a: full }, 4);
  const [r, s] = [request('r', ids(8)), request('s', [...ids(8), 77])];
  start(manager, r);
  manager.free(r);
  start(manager, request('t', ids(8, 20)));
  const before = [manager.usage, manager.blockPool.freeBlockIds()];
  expect(start(manager, s)).toMatchObject({ given: null });
  expect([manager.usage, manager.blockPool.freeBlockIds()]).toEqual(before);
  expect(manager.getBlockIds('s')).toEqual([[]]);
  manager.free({ requestId: 't' });
  expect(start(manager, s).given).not.toBeNull();
});

test('layers with a window give blocks back, and hits are what all kinds have', () => {
  const manager = makeManager({ f: full, w: window }, 20);
  const r = request('r', ids(16));
  start(manager, r);
  expect(manager.getBlockIds('r')).toEqual([[1, 2, 3, 4], [5, 6, 7, 8]]); // prettier-ignore
  r.append([16]);
  manager.allocateSlots(r, 1);
  expect(manager.getBlockIds('r')).toEqual([[1, 2, 3, 4, 9], [0, 0, 0, 8, 10]]); // prettier-ignore
  // Freed blocks are still found: of 16 tokens the window needs the last block only.
  const { blocks, numTokens } = manager.getComputedBlocks(request('s', ids(18)));
  expect(numTokens).toBe(16);
  expect(blocks.getBlockIds()).toEqual([[1, 2, 3, 4], [0, 0, 0, 8]]); // prettier-ignore
});

test('kinds agree on a hit by turns', () => {
  const manager = makeManager({ f: full, w: window }, 20);
  const r = request('r', ids(16));
  start(manager, r);
  manager.free(r);
  // The blocks of window positions 12 to 15 and 8 to 11 are overwritten, those before are not.
  const { blockPool } = manager;
  [7, 8].forEach((id) => blockPool.forgetContent(blockPool.blocks[id]));
  const { blocks, numTokens } = manager.getComputedBlocks(request('s', ids(20)));
  expect(numTokens).toBe(8);
  expect(blocks.getBlockIds()).toEqual([[1, 2], [0, 6]]); // prettier-ignore
});

test('a drafting model computes the last cached block again', () => {
  const manager = makeManager({ f: full, w: window }, 20, { useEagle: true });
  start(manager, request('r', ids(16)));
  expect(manager.getComputedBlocks(request('s', ids(16))).numTokens).toBe(8);
});

test('a fork shares all, and its writer gets a copy', () => {
  const manager = makeManager({ a: full }, 10);
  const [r, s] = [request('r', ids(6)), request('s', ids(6))];
  start(manager, r);
  manager.fork(r, s);
  s.numComputedTokens = 6;
  expect(manager.getBlockIds('s')).toEqual([[1, 2]]);
  manager.allocateSlots(s, 1);
  expect(manager.getBlockIds('s')).toEqual([[1, 3]]);
  expect(manager.takeBlockCopies()).toEqual([[[2, 3]]]);
  expect(manager.takeBlockCopies()).toEqual([[]]);
  // The other one is alone with block 2 now and writes into it.
  manager.allocateSlots(r, 1);
  expect(manager.getBlockIds('r')).toEqual([[1, 2]]);
  expect(manager.takeBlockCopies()).toEqual([[]]);
});

test('a copy of a copy comes from the first, and one for nobody is not made', () => {
  const manager = makeManager({ a: full }, 10);
  const [r, s, t] = ['r', 's', 't'].map((id) => request(id, ids(6)));
  start(manager, r);
  manager.fork(r, s);
  s.numComputedTokens = 6;
  t.numComputedTokens = 6;
  manager.allocateSlots(s, 1);
  manager.fork(s, t);
  manager.allocateSlots(t, 1);
  expect(manager.getBlockIds('t')).toEqual([[1, 4]]);
  manager.free(s);
  expect(manager.takeBlockCopies()).toEqual([[[2, 4]]]);
  manager.free(r);
  manager.free(t);
  expect(manager.usage).toBe(0);
});

test('a copy needs a free block like any other', () => {
  const manager = makeManager({ a: full }, 3);
  const [r, s] = [request('r', ids(6)), request('s', ids(6))];
  start(manager, r);
  manager.fork(r, s);
  s.numComputedTokens = 6;
  expect(manager.allocateSlots(s, 1)).toBeNull();
  manager.free(r);
  expect(manager.allocateSlots(s, 1)).not.toBeNull();
  expect(manager.takeBlockCopies()).toEqual([[]]);
});

test('a block that is written again is no longer found by what it held', () => {
  const manager = makeManager({ a: full }, 10);
  const r = request('r', ids(8));
  start(manager, r);
  expect(manager.getComputedBlocks(request('s', ids(12))).numTokens).toBe(8);
  r.numComputedTokens = 5;
  manager.allocateSlots(r, 1);
  expect(manager.getComputedBlocks(request('s', ids(12))).numTokens).toBe(4);
  r.numComputedTokens = 6;
  manager.allocateSlots(r, 2);
  expect(manager.getComputedBlocks(request('s', ids(12))).numTokens).toBe(8);
});

test('encoder keys have room of their own and switch caching off', () => {
  const specs = { self: full, cross: new CrossAttentionSpec(geometry) };
  const manager = makeManager(specs, 10);
  const r = request('r', ids(3));
  manager.allocateSlots(r, 3, { numEncoderTokens: 9 });
  expect(manager.getBlockIds('r')).toEqual([[1], [2, 3, 4]]);
  r.numComputedTokens = 3;
  r.append([5, 6]);
  manager.allocateSlots(r, 2);
  expect(manager.getBlockIds('r')).toEqual([[1, 5], [2, 3, 4]]); // prettier-ignore
  expect(manager.enableCaching).toBe(false);
  expect(() => makeManager(specs, 10, { enableCaching: true })).toThrow(InvalidArgumentError);
});

test('proposed tokens have room, but are not remembered', () => {
  const manager = makeManager({ a: full }, 10);
  const r = request('r', ids(3));
  manager.allocateSlots(r, 5, { numLookaheadTokens: 4 });
  expect(manager.getBlockIds('r')).toEqual([[1, 2, 3]]);
  r.append(ids(6, 3));
  expect(manager.getComputedBlocks(request('s', ids(9))).numTokens).toBe(0);
});

test('keys that arrive later are remembered later', () => {
  const manager = makeManager({ a: full }, 10);
  const r = request('r', ids(9));
  manager.allocateSlots(r, 9, { delayCacheBlocks: true });
  expect(manager.getComputedBlocks(request('s', ids(9))).numTokens).toBe(0);
  manager.cacheBlocks(r, 9);
  expect(manager.getComputedBlocks(request('s', ids(9))).numTokens).toBe(8);
});

test('a request may refuse the cache, and salts keep tenants apart', () => {
  const manager = makeManager({ a: full }, 10);
  const salted = (id: string, cacheSalt: string) =>
    new KvCacheRequest(id, ids(9), { ...geometry, cacheSalt });
  start(manager, salted('r', 'one'));
  const skipping = new KvCacheRequest('s', ids(9), {
    ...geometry,
    cacheSalt: 'one',
    skipReadingPrefixCache: true,
  });
  expect(manager.getComputedBlocks(skipping).numTokens).toBe(0);
  expect(manager.getComputedBlocks(salted('t', 'one')).numTokens).toBe(8);
  expect(manager.getComputedBlocks(salted('u', 'two')).numTokens).toBe(0);
});

test('bad calls change nothing', () => {
  const manager = makeManager({ a: full }, 10, { maxModelLen: 12 });
  const r = request('r', ids(9));
  start(manager, r);
  const found = manager.getComputedBlocks(request('s', ids(9)));
  const twice = { newComputedBlocks: found.blocks, numNewComputedTokens: 8 };
  const before = manager.blockPool.blocks.map((block) => block.refCnt);
  expect(() => manager.allocateSlots(r, 0)).toThrow(InvalidArgumentError);
  expect(() => manager.allocateSlots(r, 1, twice)).toThrow(/'r' has blocks already/);
  expect(() => manager.allocateSlots(r, 4)).toThrow(CapacityError);
  expect(() => manager.fork({ requestId: 's' }, r)).toThrow(/'r' has blocks already/);
  expect(manager.blockPool.blocks.map((block) => block.refCnt)).toEqual(before);
});
