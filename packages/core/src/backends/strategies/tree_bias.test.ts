import { expect, test } from '@jest/globals';
import { getDepthCounts, prepareTreeAttnBias, sortTreeChoices } from './tree_bias.js';

const _ = -Infinity;

test('the default tree: a root and one token', () => {
  expect(Array.from(prepareTreeAttnBias([[0]]))).toEqual([0, _, 0, 0]);
  expect(getDepthCounts([[0]])).toEqual([1]);
});

test('a token sees the root, its ancestors and itself', () => {
  const choices = sortTreeChoices([[0, 1], [1], [0], [0, 0], [0, 1, 0]]);
  expect(choices).toEqual([[0], [1], [0, 0], [0, 1], [0, 1, 0]]);
  expect(getDepthCounts(choices)).toEqual([2, 2, 1]);
  expect(Array.from(prepareTreeAttnBias(choices))).toEqual([
    ...[0, _, _, _, _, _],
    ...[0, 0, _, _, _, _],
    ...[0, _, 0, _, _, _],
    ...[0, 0, _, 0, _, _],
    ...[0, 0, _, _, 0, _],
    ...[0, 0, _, _, 0, 0],
  ]);
});

test('siblings of two digits stand in the order of their numbers', () => {
  expect(sortTreeChoices([[10], [9]])).toEqual([[9], [10]]);
});

test.each([
  [[[]], /at least one child number/],
  [[[0], [0]], /occurs twice/],
  [[[0], [1, 0]], /\[1, 0\] has no parent \[1\]/],
  [[[-1]], /\[-1\]\[0\] must be/],
])('%j is no tree', (choices, message) => {
  expect(() => sortTreeChoices(choices)).toThrow(message);
});
