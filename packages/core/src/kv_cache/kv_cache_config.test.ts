import { expect, test } from '@jest/globals';
import { CapacityError, InvalidArgumentError } from '../errors.js';
import { makeKvCacheConfig } from './kv_cache_config.js';
import { FullAttentionSpec, SlidingWindowSpec, UniformTypeKVCacheSpecs } from './spec.js';

const geometry = { blockSize: 16, numKvHeads: 1, headSize: 8 };
const full = new FullAttentionSpec(geometry);
const window = new SlidingWindowSpec({ ...geometry, slidingWindow: 32 });
const page = full.pageSizeBytes();

/** Layers '0', '1', ... of the kinds that a text names. */
const model = (kinds: string) =>
  Object.fromEntries([...kinds].map((kind, i) => [`l${i}`, kind === 'f' ? full : window]));

test('layers of one kind are one group, with memory of their own', () => {
  const config = makeKvCacheConfig(model('fff'), { numBlocks: 10 });
  expect(config.kvCacheGroups).toEqual([{ layerNames: ['l0', 'l1', 'l2'], kvCacheSpec: full }]);
  expect(config.kvCacheTensors).toHaveLength(3);
  expect(config.kvCacheTensors[1]).toEqual({ size: 10 * page, sharedBy: ['l1'] });
});

test('layers that differ in size only share a block table', () => {
  const wide = new FullAttentionSpec({ ...geometry, headSize: 16 });
  const config = makeKvCacheConfig({ a: full, b: wide }, { availableBytes: 7 * 3 * page + 1 });
  expect(config.numBlocks).toBe(7);
  expect(config.kvCacheGroups[0].kvCacheSpec).toBeInstanceOf(UniformTypeKVCacheSpecs);
  expect(config.kvCacheTensors.map(({ size }) => size)).toEqual([7 * page, 14 * page]);
});

test.each([
  ['fwfw', ['l0 l2', 'l1 l3'], ['l0 l1', 'l2 l3']],
  ['wwwwf', ['l0', 'l1', 'l2', 'l3', 'l4'], ['l0 l1 l2 l3 l4']],
  ['fwwfwww', ['l0 l3', 'l1 l5', 'l2 l6', 'l4'], ['l0 l1 l2 l4', 'l3 l5 l6']],
  [
    'wfwfwfwfwfw',
    ['l0 l2 l4 l6 l8 l10', 'l1 l3 l5 l7 l9'],
    ['l0 l1', 'l2 l3', 'l4 l5', 'l6 l7', 'l8 l9', 'l10'],
  ],
])('%s is grouped so that a block costs the same in every group', (kinds, groups, shared) => {
  const config = makeKvCacheConfig(model(kinds), { numBlocks: 4 });
  expect(config.kvCacheGroups.map(({ layerNames }) => layerNames.join(' '))).toEqual(groups);
  expect(config.kvCacheTensors.map(({ sharedBy }) => sharedBy.join(' '))).toEqual(shared);
  expect(config.kvCacheTensors.every(({ size }) => size === 4 * page)).toBe(true);
});

test('what cannot share a pool is refused', () => {
  const other = new SlidingWindowSpec({ ...geometry, headSize: 16, slidingWindow: 8 });
  expect(() => makeKvCacheConfig({ a: full, b: other }, { numBlocks: 4 })).toThrow(
    InvalidArgumentError,
  );
  const padded = new FullAttentionSpec({ ...geometry, pageSizePadded: other.pageSizeBytes() });
  expect(() => makeKvCacheConfig({ a: padded, b: other }, { numBlocks: 4 })).not.toThrow();
  expect(() => makeKvCacheConfig({}, { numBlocks: 4 })).toThrow(InvalidArgumentError);
  expect(() => makeKvCacheConfig({ a: full }, { availableBytes: 2 * page - 1 })).toThrow(
    CapacityError,
  );
});
