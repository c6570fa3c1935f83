import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { countOf, keyRange, wholeTiles, type KeyRange } from './key_range.js';
import { mayAttend, type MaskRules } from './mask.js';

const rules: MaskRules = {
  causal: false,
  windowLeft: -1,
  windowRight: -1,
  prefixLen: 0,
  chunkSize: 0,
  chunkLookback: 0,
  ranges: [],
};

test.each([
  [{}, { first: 0, gap: 20, resume: 20, end: 20 }],
  [{ causal: true }, { first: 0, gap: 9, resume: 9, end: 9 }],
  [
    { causal: true, windowLeft: 2 },
    { first: 4, gap: 9, resume: 9, end: 9 },
  ],
  [
    { causal: true, windowLeft: 2, prefixLen: 3 },
    { first: 0, gap: 3, resume: 4, end: 9 },
  ],
  [
    { causal: true, windowLeft: 2, prefixLen: 5 },
    { first: 0, gap: 9, resume: 9, end: 9 },
  ],
  [{ chunkSize: 4 }, { first: 4, gap: 12, resume: 12, end: 12 }],
  [
    { causal: true, ranges: [3, 6, 8, 13] },
    { first: 0, gap: 14, resume: 14, end: 14 },
  ],
])('positions 6 to 8 of 20 keys, %j', (changes, expected) => {
  expect(keyRange({ ...rules, ...changes }, 6, 8, 20)).toEqual(expected);
});

const anyRules = fc.record({
  causal: fc.boolean(),
  windowLeft: fc.integer({ min: -1, max: 12 }),
  windowRight: fc.integer({ min: -1, max: 12 }),
  prefixLen: fc.nat(15),
  chunkSize: fc.nat(6),
  chunkLookback: fc.nat(2),
  ranges: fc.constantFrom([], [3, 6], [0, 2, 9, 14], [10, 30]),
});

test('no visible key lies outside, and the count is that of both stretches', () => {
  fc.assert(
    fc.property(anyRules, fc.integer({ min: -9, max: 30 }), fc.nat(5), fc.nat(25), (r, p, n, s) => {
      const range = keyRange(r, p, p + n, s);
      const inside = (j: number) =>
        (range.first <= j && j < range.gap) || (range.resume <= j && j < range.end);
      expect(range.gap).toBeGreaterThanOrEqual(range.first);
      expect(range.resume).toBeGreaterThanOrEqual(range.gap);
      expect(range.end).toBeGreaterThanOrEqual(range.resume);
      const keys = Array.from({ length: s }, (_, j) => j);
      expect(keys.filter(inside)).toHaveLength(countOf(range));
      for (let position = p; position <= p + n; position++) {
        expect(keys.filter((j) => mayAttend(r, position, j) && !inside(j))).toEqual([]);
      }
    }),
    { numRuns: 2000 },
  );
});

test('whole tiles hold every key of a range, begin at multiples and never pass its end', () => {
  const anyRange = fc
    .tuple(fc.nat(60), fc.nat(60), fc.nat(60), fc.nat(60))
    .map((places) => places.sort((a, b) => a - b))
    .map(([first, gap, resume, end]) => ({ first, gap, resume, end }));
  fc.assert(
    fc.property(anyRange, fc.integer({ min: 1, max: 9 }), (range, tile) => {
      const whole = wholeTiles(range, tile);
      for (const start of [whole.first, whole.resume === whole.end ? 0 : whole.resume]) {
        expect(start % tile).toBe(0);
      }
      expect(whole.end).toBe(range.end);
      if (whole.gap !== whole.end) expect(whole.gap % tile).toBe(0);
      const holds = ({ first, gap, resume, end }: KeyRange, j: number) =>
        (first <= j && j < gap) || (resume <= j && j < end);
      for (let j = 0; j < 70; j++) if (holds(range, j)) expect(holds(whole, j)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});
