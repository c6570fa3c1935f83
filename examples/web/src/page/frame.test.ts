import { expect, test } from '@jest/globals';
import { ticksUpTo } from './frame.js';

test.each([
  [0, [0]],
  [1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
  [64, [0, 20, 40, 60]],
  [260, [0, 100, 200]],
  [0.105, [0, 0.05, 0.1]],
  [1800, [0, 500, 1000, 1500]],
])('ticks up to %d', (most, expected) => {
  expect(ticksUpTo(most)).toEqual(expected);
});
