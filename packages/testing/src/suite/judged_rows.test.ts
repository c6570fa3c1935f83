import { expect, test } from '@jest/globals';
import { pickTokens, spreadTokens } from './judged_rows.js';
import { assertExpected } from './tolerance.js';

test('some tokens of every sequence are judged, its first and last among them', () => {
  expect(spreadTokens([9, 1, 0, 2], 3)).toEqual([0, 4, 8, 9, 10, 11]);
  expect(spreadTokens([5], 9)).toEqual([0, 1, 2, 3, 4]);
  expect(spreadTokens([4, 4], 1)).toEqual([0, 4]);
  expect([...pickTokens([1, 2, 3, 4, 5, 6], [2, 0], 2)]).toEqual([5, 6, 1, 2]);
});

test('an error in a judged token fails, one elsewhere is not seen', () => {
  const expected = {
    output: Float64Array.of(5, 6),
    lse: Float64Array.of(7),
    outputTolerance: 0.1,
    lseTolerance: 0.1,
    tokens: [1],
  };
  const judge = (output: number[], lse: number[]) => assertExpected({ output, lse }, expected);
  expect(() => judge([0, 0, 5, 6], [0, 7])).not.toThrow();
  expect(() => judge([5, 6, 5, 7], [7, 7])).toThrow(/output\[1\]/);
  expect(() => judge([5, 6, 5, 6], [7, 8])).toThrow(/lse\[0\]/);
});
