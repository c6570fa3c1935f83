import { expect, test } from '@jest/globals';
import { pairwise, titleOf } from './grid.js';
import { shrink } from './lengths.js';
import { leavesOf, lineOf, treeBias } from './token_tree.js';

test('every two values of different parameters meet, in far fewer points than the grid has', () => {
  const axes = {
    a: [1, 2, 3],
    b: ['x', 'y'],
    c: [undefined, 5, 6, 7],
    d: [true, false],
    e: [[1, 1], [4, 2]],
  } as const; // prettier-ignore
  const points = pairwise(axes);
  const names = Object.keys(axes) as (keyof typeof axes)[];
  names.forEach((first, i) => {
    for (const second of names.slice(i + 1)) {
      for (const a of axes[first]) {
        for (const b of axes[second]) {
          const together = points.filter((point) => point[first] === a && point[second] === b);
          expect(together.length).toBeGreaterThan(0);
        }
      }
    }
  });
  expect(points.length).toBeGreaterThanOrEqual(12);
  expect(points.length).toBeLessThan(20);
});

test('a title names the test and every parameter', () => {
  const axes = { heads: [[4, 2]], window: [undefined], dtype: ['float32'] } as const;
  const [point] = pairwise(axes);
  expect(titleOf('test_x', 'long', axes, point)).toBe(
    'upstream test_x: long, heads 4/2, window none, dtype float32',
  );
});

test('lengths shrink together, short ones stay', () => {
  const lengths = [[1, 7812], [3, 16], [2345, 2345], [134, 140]] as const; // prettier-ignore
  expect(shrink(lengths, 64, 16)).toEqual([[1, 123], [3, 16], [37, 37], [16, 16]]); // prettier-ignore
  expect(shrink(lengths, 1)).toEqual(lengths);
});

test('a token of a tree sees itself, the root and its ancestors', () => {
  const paths = [[0], [1], [0, 0], [0, 1], [1, 0]];
  const sees = treeBias(paths).map((bias) => (bias === 0 ? 1 : 0));
  expect(Array.from(sees)).toEqual([
    1, 0, 0, 0, 0, 0,
    1, 1, 0, 0, 0, 0,
    1, 0, 1, 0, 0, 0,
    1, 1, 0, 1, 0, 0,
    1, 1, 0, 0, 1, 0,
    1, 0, 1, 0, 0, 1,
  ]); // prettier-ignore
  expect(leavesOf(paths)).toEqual([3, 4, 5]);
  expect(lineOf(paths, 5)).toEqual([0, 2, 5]);
  expect(lineOf(paths, 0)).toEqual([0]);
});
