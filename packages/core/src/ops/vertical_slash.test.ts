import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InvalidArgumentError } from '../errors.js';
import { convertVerticalSlashIndexes, type VerticalSlashOptions } from './vertical_slash.js';

const of = (...values: number[]) => Int32Array.from(values);

test('the example of the documentation', () => {
  const found = convertVerticalSlashIndexes(of(4), of(4), of(0), of(0), 4, 1, {
    blockSizeM: 2,
    blockSizeN: 2,
  });
  expect(found.blockCount).toEqual(of(1, 1));
  expect(found.blockOffset).toEqual(of(0, 0, 2, 0));
  expect(found.columnCount).toEqual(of(0, 1));
  expect(found.columnIndex).toEqual(of(0, 0));
});

test('cached keys shift the diagonals; rows past a sequence visit nothing', () => {
  const found = convertVerticalSlashIndexes(of(2, 4), of(10, 4), of(1, 9, 3, 0), of(8, 0, 1, 1), 6, 1, {
    blockSizeM: 2,
    blockSizeN: 4,
  }); // prettier-ignore
  const rows = (values: Int32Array, width: number) =>
    Array.from({ length: values.length / width }, (_, i) => [
      ...values.subarray(i * width, (i + 1) * width),
    ]);
  expect(found.width).toBe(4);
  expect([...found.blockCount]).toEqual([2, 0, 0, 1, 1, 0]);
  expect(rows(found.blockOffset, 4).map(([a, b]) => [a, b])).toEqual([[0, 8], [0, 0], [0, 0], [0, 0], [1, 0], [0, 0]]); // prettier-ignore
  expect([...found.columnCount]).toEqual([0, 0, 0, 0, 1, 0]);
});

const lengths = fc.record({ q: fc.integer({ min: 1, max: 40 }), more: fc.integer({ min: 0, max: 30 }) }); // prettier-ignore
const pattern = fc.record({
  verticals: fc.array(fc.integer({ min: 0, max: 69 }), { minLength: 1, maxLength: 6 }),
  slashes: fc.array(fc.integer({ min: 0, max: 69 }), { minLength: 1, maxLength: 5 }),
  blockSizeM: fc.integer({ min: 1, max: 9 }),
  blockSizeN: fc.integer({ min: 1, max: 9 }),
  causal: fc.boolean(),
});

test('law: every key of the pattern is visited, blocks and columns share none, and causal rows nothing behind them', () => {
  fc.assert(
    fc.property(lengths, pattern, ({ q, more }, { verticals, slashes, ...options }) => {
      const keys = q + more;
      const found = convertVerticalSlashIndexes(of(q), of(keys), of(...verticals), of(...slashes), q, 1, options); // prettier-ignore
      const { blockSizeM, blockSizeN, causal } = options;
      for (let row = 0; row * blockSizeM < q; row++) {
        const end = Math.min((row + 1) * blockSizeM, q);
        const most = causal ? more + end : keys;
        const offsets = found.blockOffset.subarray(row * found.width, row * found.width + found.blockCount[row]); // prettier-ignore
        const first = row * verticals.length;
        const columns = found.columnIndex.subarray(first, first + found.columnCount[row]);
        const visits = new Map<number, number>();
        const visit = (key: number) => visits.set(key, (visits.get(key) ?? 0) + 1);
        offsets.forEach((from) => {
          expect(from).toBeLessThan(most);
          for (let key = from; key < from + blockSizeN; key++) visit(key);
        });
        columns.forEach((key) => {
          expect(key).toBeLessThan(most);
          visit(key);
        });
        expect([...visits.values()].every((count) => count === 1)).toBe(true);
        for (let i = row * blockSizeM; i < end; i++) {
          const wanted = [...verticals, ...slashes.map((slash) => more + i - slash)];
          for (const key of wanted) {
            const seen = key >= 0 && key < (causal ? more + i + 1 : keys);
            if (seen) expect(visits.has(key)).toBe(true);
          }
        }
      }
    }),
  );
});

test('law: a head with fewer verticals and slashes is a head that was given only those', () => {
  const verticals = [3, 9, 20, 31];
  const slashes = [0, 5, 17];
  const run = (v: number[], s: number[], options: VerticalSlashOptions = {}) =>
    convertVerticalSlashIndexes(of(32), of(32), of(...v), of(...s), 32, 1, {
      blockSizeM: 8,
      blockSizeN: 4,
      ...options,
    });
  const counted = run(verticals, slashes, { verticalCounts: of(2), slashCounts: of(1) });
  const alone = run(verticals.slice(0, 2), slashes.slice(0, 1));
  expect(counted.blockCount).toEqual(alone.blockCount);
  expect(counted.columnCount).toEqual(alone.columnCount);
  expect(counted.columnIndex.filter((_, i) => i % 4 < 2)).toEqual(alone.columnIndex);
});

test.each<[string, () => unknown, RegExp]>([
  ['lists that heads do not divide', () => convertVerticalSlashIndexes(of(4), of(4), of(0, 1, 2), of(0, 1), 4, 2), /verticalIndexes has 3 entries.*B \* N = 2/],
  ['no slash', () => convertVerticalSlashIndexes(of(4), of(4), of(0), of(), 4, 1), /slashIndexes has 0 entries/],
  ['a sequence longer than the context', () => convertVerticalSlashIndexes(of(5), of(5), of(0), of(0), 4, 1), /qSeqlens\[0\] = 5/],
  ['fewer keys than causal queries', () => convertVerticalSlashIndexes(of(4), of(3), of(0), of(0), 4, 1), /its 3 keys/],
  ['a block of no keys', () => convertVerticalSlashIndexes(of(4), of(4), of(0), of(0), 4, 1, { blockSizeN: 0 }), /blockSizeN/],
  ['other lengths', () => convertVerticalSlashIndexes(of(4), of(4, 4), of(0), of(0), 4, 1), /kvSeqlens must have 1 entries/],
  ['a count past the list', () => convertVerticalSlashIndexes(of(4), of(4), of(0), of(0), 4, 1, { slashCounts: of(2) }), /slashCounts\[0\]/],
])('%s throws', (_, run, message) => {
  expect(run).toThrow(InvalidArgumentError);
  expect(run).toThrow(message);
}); // prettier-ignore
