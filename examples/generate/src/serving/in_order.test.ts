import { expect, test } from '@jest/globals';
import { InOrder } from './in_order.js';

test('holds things back until all before them are there', () => {
  const taken: number[] = [];
  const inOrder = new InOrder<{ index: number }>(({ index }) => taken.push(index));
  const seen = [2, 0, 3, 1, 4].map((index) => {
    inOrder.add({ index });
    return taken.length;
  });
  expect(seen).toEqual([0, 1, 1, 4, 5]);
  expect(taken).toEqual([0, 1, 2, 3, 4]);
});
