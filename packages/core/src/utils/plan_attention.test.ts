import { expect, jest, test } from '@jest/globals';
import { CapacityError, DisposedError, InvalidArgumentError } from '../errors.js';
import type { KvCacheLayout } from '../kv_cache/layout.js';
import { planAttention, type AttentionPlanOptions } from './plan_attention.js';

const layout: KvCacheLayout = {
  numBlocks: 4,
  blockSize: 16,
  numKvHeads: 1,
  headSize: 1,
  valueHeadSize: 1,
  dtype: 'float32',
  kScale: 1,
  vScale: 1,
};

const metadata = (changes: Partial<AttentionPlanOptions> = {}): AttentionPlanOptions => ({
  queryStartLoc: Int32Array.of(0, 5, 6),
  seqLens: Int32Array.of(5, 33),
  blockTables: [[3], [1, 2, 0]],
  ...changes,
});

test('sizes are read off once', () => {
  const plan = planAttention(metadata());
  expect(plan).toMatchObject({
    numSeqs: 2,
    numTokens: 6,
    maxQueryLen: 5,
    maxSeqLen: 33,
    maxBlocksPerSeq: 3,
  });
  expect(Array.from(plan.queryOffsets)).toEqual([0, 32]);
  expect(Array.from(plan.blockTables)).toEqual([3, -1, -1, 1, 2, 0]);
});

test('a flat table says the same as rows', () => {
  const flat = planAttention(metadata({ blockTables: Int32Array.of(3, -1, -1, 1, 2, 0) }));
  expect(flat.blockTables).toEqual(planAttention(metadata()).blockTables);
});

test('the arrays may be reused', () => {
  const seqLens = Int32Array.of(5, 33);
  const blockTables = Int32Array.of(3, 0, 0, 1, 2, 0);
  const plan = planAttention(metadata({ seqLens, blockTables }));
  seqLens.fill(0);
  blockTables.fill(99);
  expect(Array.from(plan.seqLens)).toEqual([5, 33]);
  expect(() => plan.checkFor('op', layout)).not.toThrow();
});

test('padding past the last block is never looked at', () => {
  const blockTables = Int32Array.of(3, 999, -5, 1, 2, 0);
  expect(() => planAttention(metadata({ blockTables })).checkFor('op', layout)).not.toThrow();
});

test('several tokens may stay unwritten', () => {
  const slotMapping = Int32Array.of(-1, -1, 0, 1, 2, 3);
  expect(planAttention(metadata({ slotMapping })).slotMapping).toEqual(slotMapping);
});

test('one cache geometry is checked once, another again', () => {
  const plan = planAttention(metadata());
  plan.checkFor('op', layout);
  expect(() => plan.checkFor('op', { ...layout, numBlocks: 3 })).toThrow(InvalidArgumentError);
  expect(() => plan.checkFor('op', { ...layout, blockSize: 8 })).toThrow(CapacityError);
  expect(() => plan.checkFor('op', layout)).not.toThrow();
});

test('slots are checked against the cache that is written', () => {
  const plan = planAttention(metadata({ slotMapping: Int32Array.of(0, 1, 2, 3, 4, 64) }));
  expect(() => plan.checkFor('op', layout)).toThrow(/slotMapping\[5\] = 64 .* 0 to 63/);
});

test('what backends derive is made once and dies with the plan', () => {
  const plan = planAttention(metadata());
  const [owner, dispose] = [{}, jest.fn()];
  const create = jest.fn(() => ({ dispose }));
  expect(plan.resource(owner, create)).toBe(plan.resource(owner, create));
  plan.resource({}, create);
  expect(create).toHaveBeenCalledTimes(2);
  plan.dispose();
  plan.dispose();
  expect(dispose).toHaveBeenCalledTimes(2);
  expect(plan.isDisposed).toBe(true);
  expect(() => plan.checkFor('op', layout)).toThrow(DisposedError);
});
