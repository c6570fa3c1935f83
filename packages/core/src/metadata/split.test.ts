import { expect, test } from '@jest/globals';
import { makeCommon } from './fixtures.js';
import { splitDecodesAndPrefills } from './split.js';

test.each<[number[], number, boolean, number[]]>([
  [[1, 1, 1], 1, false, [3, 0, 3, 0]],
  [[1, 2, 1, 3, 2, 1, 2], 3, false, [7, 0, 12, 0]],
  [[4, 5, 6, 7], 3, false, [0, 4, 0, 22]],
  [[2, 1, 3, 4, 5, 6, 7, 8], 4, false, [4, 4, 10, 26]],
  [[1, 1, 1], 1, true, [3, 0, 3, 0]],
  [[2, 2, 1, 3, 2, 1, 2], 3, true, [2, 5, 4, 9]],
  [[4, 5, 6, 7], 3, true, [0, 4, 0, 22]],
  [[2, 2, 2, 4, 5, 6, 7, 8], 4, true, [3, 5, 6, 30]],
  [[2, 1, 2, 4, 5, 6, 7, 8], 4, true, [1, 7, 2, 33]],
])('query lengths %j, threshold %d, uniform %s', (queryLens, threshold, uniform, expected) => {
  const common = makeCommon(queryLens, queryLens);
  expect(splitDecodesAndPrefills(common, threshold, uniform)).toEqual(expected);
});

test('tokens that pad a batch of decodes are decodes', () => {
  const common = makeCommon([1, 1], [9, 9], { slotMapping: new Int32Array(4), numActualTokens: 4 });
  expect(splitDecodesAndPrefills(common)).toEqual([2, 0, 4, 0]);
});
