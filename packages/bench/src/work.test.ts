import { expect, test } from '@jest/globals';
import { aCell } from './fixtures.js';
import { cacheBytes, denseFlops, flops, rateOf, visiblePairs } from './work.js';

test('causal counts half the pairs of full', () => {
  const full = aCell({ group: 'full', causal: false });
  expect(flops(full)).toBe(4 * 8 * 64 * 128 * 128);
  expect(flops(aCell({ causal: true }))).toBe(flops(full) / 2);
  expect(denseFlops(aCell({ causal: true }))).toBe(flops(full));
});

test('a past is seen whole by every query of its chunk', () => {
  const cell = aCell({ group: 'past', queryLen: 4, seqLen: 10 });
  expect(visiblePairs(cell)).toBe(4 * 6 + (4 * 4) / 2);
});

test('a window counts the band: rows rise to W keys, then stay', () => {
  expect(visiblePairs(aCell({ queryLen: 5, seqLen: 5, slidingWindow: 3 }))).toBe(1 + 2 + 3 + 3 + 3);
  expect(visiblePairs(aCell({ queryLen: 2, seqLen: 2, slidingWindow: 9 }))).toBe(1 + 2);
});

test('a decode step reads every key and value once, and its scales', () => {
  const cell = aCell({ group: 'decode', queryLen: 1, seqLen: 100, numKvHeads: 2, headSize: 64 });
  expect(cacheBytes(cell)).toBe(2 * 100 * 2 * 64 * 4);
  expect(cacheBytes(cell, 'bfloat16')).toBe(2 * 100 * 2 * 64 * 2);
  expect(cacheBytes(cell, 'int8_per_token_head')).toBe(2 * 100 * 2 * (64 + 4));
  expect(rateOf(cell, 'float32', 1)).toEqual({ gbps: 0.1024 });
});
