import { expect, test } from '@jest/globals';
import { InvalidArgumentError, UnsupportedError } from '../../errors.js';
import { hashBlockTokens, type BlockHash } from '../block_hash.js';
import { BlockPool } from '../block_pool.js';
import { KvCacheCoordinator } from '../coordinator.js';
import {
  ChunkedLocalAttentionSpec,
  CrossAttentionSpec,
  EncoderOnlyAttentionSpec,
  FullAttentionSpec,
  MambaSpec,
  RSWASpec,
  SinkFullAttentionSpec,
  SlidingWindowSpec,
  type KvCacheSpec,
} from '../spec.js';
import { getManagerForKvCacheSpec, supportsPrefixCaching } from './index.js';

const geometry = { blockSize: 2, numKvHeads: 1, headSize: 8 };
const full = new FullAttentionSpec(geometry);
const window = (slidingWindow: number) => new SlidingWindowSpec({ ...geometry, slidingWindow });
const chunks = (attentionChunkSize: number) =>
  new ChunkedLocalAttentionSpec({ ...geometry, attentionChunkSize });
const mamba = new MambaSpec({ blockSize: 2, shapes: [[4]], dtypes: ['float32'] });

const hashes = (count: number): BlockHash[] =>
  Array.from({ length: count }, (_, i) => hashBlockTokens(null, [i]));

/** A manager in whose pool the blocks with a 1 are cached: block i + 1 holds content i. */
function managerWith(kvCacheSpec: KvCacheSpec, cached: readonly (0 | 1)[], groups = [0]) {
  const blockPool = new BlockPool(50);
  for (const group of groups) {
    const blocks = blockPool.getNewBlocks(10);
    cached.forEach((isCached, i) => {
      if (isCached === 0) return;
      const tokens = { blockHashes: hashes(i + 1), allTokenIds: [] };
      blockPool.cacheFullBlocks(tokens, blocks, i, i + 1, 2, group);
    });
  }
  return getManagerForKvCacheSpec({ kvCacheSpec, blockPool, kvCacheGroupId: 0 });
}

function hit(
  spec: KvCacheSpec,
  cached: readonly (0 | 1)[],
  maxLength: number,
  useEagle = false,
): number[] {
  const manager = managerWith(spec, cached);
  const query = { blockHashes: hashes(cached.length), maxLength, kvCacheGroupIds: [0], useEagle };
  return manager.findLongestCacheHit(query)[0].map((block) => block.blockId);
}

test.each<[string, KvCacheSpec, (0 | 1)[], number, number[]]>([
  ['full: to the first gap', full, [1, 1, 0, 1], 8, [1, 2]],
  ['full: within the limit', full, [1, 1, 1], 5, [1, 2]],
  ['full: nothing', full, [0, 1, 1], 6, []],
  ['window of 2 blocks: the rightmost run', window(4), [1, 1, 0, 1, 1, 0, 1], 14, [0, 0, 0, 4, 5]],
  ['window: only what is needed', window(5), [1, 1, 1, 1], 8, [0, 0, 3, 4]],
  ['window: part of a block counts', window(6), [1, 1, 1, 1], 8, [0, 2, 3, 4]],
  ['window: a short run at the start', window(6), [1, 1, 0, 0], 8, [1, 2]],
  ['window: a short run elsewhere', window(6), [0, 1, 1, 0, 1], 10, []],
  ['window: within the limit', window(3), [1, 1, 1, 1], 5, [0, 2]],
  ['window of itself', window(1), [0, 0, 1, 0], 8, [0, 0, 3]],
  ['chunk: what is before it is not needed', chunks(4), [0, 0, 1, 0], 7, [0, 0, 3]],
  ['chunk: at its start', chunks(4), [0, 0, 0, 0], 8, [0, 0, 0, 0]],
  ['chunk: first block missing', chunks(4), [0, 0, 0, 1], 7, [0, 0]],
  ['chunk that starts inside a block', chunks(3), [0, 1, 1], 5, [0, 2]],
  ['chunk that starts inside a missing block: the one before', chunks(3), [1, 0, 0], 5, [1]],
  ['chunk that starts inside a missing block, and nothing else', chunks(3), [0, 0, 0], 5, []],
  ['mamba: the last state', mamba, [1, 0, 1, 0], 8, [0, 0, 3]],
  ['mamba: none', mamba, [0, 0], 4, []],
])('prefix hit, %s', (_name, spec, cached, maxLength, expected) => {
  expect(hit(spec, cached, maxLength)).toEqual(expected);
});

test.each<[string, KvCacheSpec, (0 | 1)[], number[]]>([
  ['full', full, [1, 1, 1], [1, 2]],
  ['window needs one block more', window(3), [0, 1, 1], [0, 2]],
  ['window without it', window(3), [0, 1, 0], []],
])('prefix hit for a drafting model, %s', (_name, spec, cached, expected) => {
  expect(hit(spec, cached, 6, true)).toEqual(expected);
});

test('groups of one spec must all have the block', () => {
  const manager = managerWith(full, [1, 1], [0, 1]);
  const query = { blockHashes: hashes(2), maxLength: 4 };
  const ids = (kvCacheGroupIds: number[]) =>
    manager
      .findLongestCacheHit({ ...query, kvCacheGroupIds })
      .map((blocks) => blocks.map((block) => block.blockId));
  expect(ids([0, 1])).toEqual([[1, 2], [11, 12]]); // prettier-ignore
  expect(ids([0, 2])).toEqual([[], []]);
});

test.each<[string, KvCacheSpec, number, number[]]>([
  ['full keeps all', full, 11, [1, 2, 3, 4, 5, 6]],
  ['window', window(4), 11, [0, 0, 0, 0, 5, 6]],
  ['window, its first key in the middle of a block', window(4), 10, [0, 0, 0, 4, 5, 6]],
  ['window wider than all', window(40), 11, [1, 2, 3, 4, 5, 6]],
  ['chunk', chunks(4), 9, [0, 0, 0, 0, 5, 6]],
  ['chunk, its last token', chunks(4), 7, [0, 0, 3, 4, 5, 6]],
  ['mamba', mamba, 10, [0, 0, 0, 0, 5, 6]],
])('skipped blocks, %s', (_name, kvCacheSpec, numComputedTokens, expected) => {
  const blockPool = new BlockPool(10);
  const manager = getManagerForKvCacheSpec({ kvCacheSpec, blockPool, kvCacheGroupId: 0 });
  manager.allocateNewBlocks('r', 12);
  for (let n = 0; n <= numComputedTokens; n++) manager.removeSkippedBlocks('r', n);
  expect(manager.getBlocks('r').map((block) => block.blockId)).toEqual(expected);
  expect(blockPool.getNumFreeBlocks()).toBe(9 - expected.filter((id) => id > 0).length);
});

test('blocks are asked for as they will be used', () => {
  const manager = managerWith(full, [1, 1, 1]);
  const [found] = manager.findLongestCacheHit({
    blockHashes: hashes(3),
    maxLength: 6,
    kvCacheGroupIds: [0],
  });
  expect(manager.getNumBlocksToAllocate('r', 9, found)).toBe(2);
  manager.blockPool.freeBlocks(found);
  expect(manager.getNumBlocksToAllocate('r', 9, found)).toBe(5);
  manager.blockPool.touch(found);
  manager.saveNewComputedBlocks('r', found);
  expect(manager.allocateNewBlocks('r', 9)).toHaveLength(2);
  expect(manager.getNumBlocksToAllocate('r', 10, [])).toBe(0);
  expect(() => manager.saveNewComputedBlocks('r', found)).toThrow(/has blocks already/);
});

test('the common prefix is what every request holds', () => {
  const manager = getManagerForKvCacheSpec({
    kvCacheSpec: full,
    blockPool: new BlockPool(10),
    kvCacheGroupId: 0,
  });
  manager.allocateNewBlocks('a', 4);
  expect(manager.getNumCommonPrefixBlocks('a')).toBe(2);
  manager.fork('a', 'b');
  manager.allocateNewBlocks('a', 8);
  expect(manager.getNumCommonPrefixBlocks('a')).toBe(2);
  manager.allocateNewBlocks('b', 4, 3);
  expect(manager.getNumCommonPrefixBlocks('a')).toBe(1);
  expect(manager.getNumCommonPrefixBlocks('b')).toBe(1);
  manager.free('b');
  expect(manager.getNumCommonPrefixBlocks('a')).toBe(4);
});

test('cross attention keeps encoder keys to itself', () => {
  const kvCacheSpec = new CrossAttentionSpec(geometry);
  const blockPool = new BlockPool(10);
  const manager = getManagerForKvCacheSpec({ kvCacheSpec, blockPool, kvCacheGroupId: 0 });
  manager.allocateNewBlocks('r', 5);
  manager.removeSkippedBlocks('r', 100);
  expect(manager.getBlocks('r')).toHaveLength(3);
  expect(manager.getNumCommonPrefixBlocks('r')).toBe(0);
  const query = { blockHashes: [], maxLength: 0, kvCacheGroupIds: [0] };
  expect(() => manager.findLongestCacheHit(query)).toThrow(UnsupportedError);
  expect(() =>
    manager.cacheBlocks({ requestId: 'r', blockHashes: [], allTokenIds: [] }, 2),
  ).toThrow(UnsupportedError);
  expect(() => manager.saveNewComputedBlocks('s', blockPool.getNewBlocks(1))).toThrow(
    InvalidArgumentError,
  );
});

test('learned keys have blocks of their own', () => {
  const kvCacheSpec = new SinkFullAttentionSpec({ ...geometry, sinkLen: 4 });
  const blockPool = new BlockPool(5);
  const manager = getManagerForKvCacheSpec({ kvCacheSpec, blockPool, kvCacheGroupId: 0 });
  expect(manager).toMatchObject({ sinkBlocks: [{ blockId: 1 }, { blockId: 2 }] });
  expect(manager.allocateNewBlocks('r', 4).map((block) => block.blockId)).toEqual([3, 4]);
  expect(blockPool.getUsage()).toBe(1);
});

test('two groups with learned keys would share blocks 1 to n, so they are refused', () => {
  const kvCacheSpec = new SinkFullAttentionSpec({ ...geometry, sinkLen: 4 });
  const kvCacheGroups = ['a', 'b'].map((name) => ({ layerNames: [name], kvCacheSpec }));
  const kvCacheConfig = { numBlocks: 9, kvCacheTensors: [], kvCacheGroups };
  expect(() => new KvCacheCoordinator({ kvCacheConfig })).toThrow(/2 groups of SinkFullAttention/);
});

test('proposed tokens of a recurrent layer have blocks too', () => {
  const kvCacheSpec = new MambaSpec({ ...mamba, numSpeculativeBlocks: 2 });
  const manager = getManagerForKvCacheSpec({
    kvCacheSpec,
    blockPool: new BlockPool(10),
    kvCacheGroupId: 0,
  });
  expect(manager.getNumBlocksToAllocate('r', 4, [])).toBe(4);
  expect(manager.allocateNewBlocks('r', 4)).toHaveLength(4);
});

test('several ranks stretch a block', () => {
  const options = { blockPool: new BlockPool(9), kvCacheGroupId: 0, dcpWorldSize: 4 };
  const manager = getManagerForKvCacheSpec({ kvCacheSpec: full, ...options });
  expect(manager.allocateNewBlocks('r', 9)).toHaveLength(2);
  expect(() => getManagerForKvCacheSpec({ kvCacheSpec: window(4), ...options })).toThrow(
    /dcpWorldSize must be 1/,
  );
});

test('reference prefixes: what is between prefix and window is given back', () => {
  const blockPool = new BlockPool(20);
  const kvCacheSpec = new RSWASpec({ ...geometry, rswaWindow: 4 });
  const manager = getManagerForKvCacheSpec({ kvCacheSpec, blockPool, kvCacheGroupId: 0 });
  const ids = () => manager.getBlocks('r').map((block) => block.blockId);
  manager.allocateNewBlocks('r', 12);
  manager.removeSkippedBlocks('r', 12);
  expect(ids()).toEqual([1, 2, 3, 4, 5, 6]);
  // Prefix 0 to 2; the next token is 12 and sees 9 to 12.
  manager.removeSkippedBlocks('r', 12, 3);
  expect(ids()).toEqual([1, 2, 0, 0, 5, 6]);
  expect(blockPool.freeBlockIds().slice(-2)).toEqual([4, 3]);
  manager.allocateNewBlocks('r', 16);
  manager.removeSkippedBlocks('r', 15, 3);
  expect(ids()).toEqual([1, 2, 0, 0, 0, 0, 7, 8]);
  manager.free('r');
  expect(blockPool.getNumFreeBlocks()).toBe(19);
});

test('which specs have a manager, and whose blocks may be found', () => {
  const none = new EncoderOnlyAttentionSpec(geometry);
  const options = { blockPool: new BlockPool(3), kvCacheGroupId: 0 };
  expect(() => getManagerForKvCacheSpec({ kvCacheSpec: none, ...options })).toThrow(
    UnsupportedError,
  );
  const rswa = new RSWASpec({ ...geometry, rswaWindow: 4 });
  expect([full, rswa, window(3), chunks(4), mamba].map(supportsPrefixCaching)).not.toContain(false);
  expect(supportsPrefixCaching(new CrossAttentionSpec(geometry))).toBe(false);
  expect(supportsPrefixCaching(new FullAttentionSpec({ ...geometry, nonCausal: true }))).toBe(
    false,
  );
});
