import { expect, test } from '@jest/globals';
import { scattered } from './fused_paged.js';

test.each([1, 2, 5, 64, 100, 1024])('scattered(%d) is a permutation', (count) => {
  expect([...scattered(count)].sort((a, b) => a - b)).toEqual(
    Array.from({ length: count }, (_, i) => i),
  );
});

test('neighbours in a sequence lie far apart in memory', () => {
  const table = scattered(1024);
  const near = [...table].filter((block, i) => i > 0 && Math.abs(block - table[i - 1]) < 16);
  expect(near).toEqual([]);
});
