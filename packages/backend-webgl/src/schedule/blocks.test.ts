import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TILE_KEYS, type TileShape } from '../shaders/tile_shape.js';
import { cutBlocks } from './blocks.js';

const shape: TileShape = {
  rows: 4,
  quads: 2,
  valueBlocks: 8,
  tiled: true,
  kvQuads: 1,
  keyTexels: 16,
  valueTexels: 16,
  valueStride: 16,
};
const limits = { maxTextureSize: 256, weightTexels: 4096, fragments: 512 };

function cut(keys: number[], numKvHeads = 2, changes: Partial<typeof limits> = {}) {
  const batch = {
    words: new Int32Array(0),
    at: [0, 0, 0, 0] as const,
    numGroups: keys.length,
    tokenOf: new Int32Array(keys.length + 1),
    keysOf: Int32Array.from(keys),
    packed: { tiles: 0, at: 0 },
  };
  return cutBlocks(batch, shape, numKvHeads, { ...limits, ...changes });
}

test('blocks hold every group once, and scratch stays within its limits', () => {
  const sizes = fc.array(fc.nat(9000), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 16 }), (keys, heads) => {
      let next = 0;
      for (const block of cut(keys, heads)) {
        expect(block.first).toBe(next);
        next += block.count;
        const most = Math.max(1, ...keys.slice(block.first, next)) / TILE_KEYS;
        const rows = block.count * heads;
        const wide = block.tilesPerSplit * block.splitsAtOnce;
        expect(block.splits * block.tilesPerSplit).toBeGreaterThanOrEqual(most);
        expect(rows).toBeLessThanOrEqual(limits.maxTextureSize);
        expect(wide).toBeLessThanOrEqual(limits.maxTextureSize);
        expect(wide * rows).toBeLessThanOrEqual(limits.weightTexels);
      }
      expect(next).toBe(keys.length);
    }),
  );
});

test('few rows over many keys are split to keep a device busy, many rows are not', () => {
  const [decode] = cut([7 * 100], 1);
  expect(decode.splits).toBeGreaterThan(10);
  const [prefill] = cut(Array<number>(60).fill(7 * 20), 1);
  expect(prefill.splits).toBe(1);
});

test('weights of a batch grow with its longest group only up to the limit', () => {
  const [block] = cut([7 * 1000], 16);
  expect(block.splitsAtOnce * block.tilesPerSplit).toBeLessThanOrEqual(4096 / 16);
  expect(block.splits * block.tilesPerSplit).toBeGreaterThanOrEqual(1000);
});
