import { expect, test } from '@jest/globals';
import { KV_CACHE_DTYPES } from '@tfjs-attention/core';
import { fullGrid, quickGrid } from './grid.js';

test('the full grid crosses lengths, head sizes and masks', () => {
  for (const group of ['full', 'causal']) {
    const cells = fullGrid().filter((cell) => cell.group === group);
    expect(cells).toHaveLength(5 * 3);
    expect(new Set(cells.map(({ seqLen }) => seqLen))).toEqual(
      new Set([128, 512, 1024, 2048, 4096]),
    );
    expect(new Set(cells.map(({ headSize }) => headSize))).toEqual(new Set([32, 64, 128]));
  }
});

test('decode covers 1k to 64k, with every cache type at 16k', () => {
  const cells = fullGrid().filter(({ group }) => group === 'decode');
  expect(new Set(cells.map(({ seqLen }) => seqLen))).toEqual(new Set([1024, 4096, 16384, 65536]));
  for (const { seqLen, kvDtypes } of cells) {
    expect(kvDtypes).toEqual(seqLen === 16384 ? KV_CACHE_DTYPES : ['float32']);
  }
  expect(cells.some(({ numHeads, numKvHeads }) => numHeads === 32 && numKvHeads === 8)).toBe(true);
});

test('a chunk with a past is longer than a token and shorter than its sequence', () => {
  const cells = fullGrid().filter(({ group }) => group === 'past');
  expect(cells.map(({ name }) => name)).toContain('past T=256 S=4096 32/8x128');
  for (const { queryLen, seqLen } of cells) {
    expect(queryLen).toBeGreaterThan(1);
    expect(queryLen).toBeLessThan(seqLen);
  }
});

test.each([
  ['full', fullGrid()],
  ['quick', quickGrid()],
])('names of the %s grid are unique, so that --filter can mean one cell', (_, cells) => {
  expect(new Set(cells.map(({ name }) => name)).size).toBe(cells.length);
});
