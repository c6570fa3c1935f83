import { expect, test } from '@jest/globals';
import { InvalidArgumentError } from '../errors.js';
import { maskIntsOf, prefixLens, readCausalFlags, readMaskInts } from './mask_ints.js';

test('ranges are packed behind the places where each list lies', () => {
  const mmPrefixRanges = [[[1, 3], [6, 6]], [], [[0, 9]]] as const; // prettier-ignore
  const { mmRanges } = readMaskInts('op', { mmPrefixRanges }, 3);
  expect(Array.from(mmRanges ?? [])).toEqual([4, 8, 8, 10, 1, 3, 6, 6, 0, 9]);
});

test('what no sequence needs is absent', () => {
  const ints = readMaskInts(
    'op',
    { mmPrefixRanges: [[], []], rswaPrefixLens: new Int32Array(2) },
    2,
  );
  expect(ints).toEqual({});
  expect(readCausalFlags('op', true, 2)).toBeUndefined();
  expect(readCausalFlags('op', [true, true], 2)).toBeUndefined();
});

test('causal flags come as one boolean, booleans or bytes', () => {
  expect(readCausalFlags('op', false, 2)).toEqual(Int32Array.of(0, 0));
  expect(readCausalFlags('op', [true, false], 2)).toEqual(Int32Array.of(1, 0));
  expect(readCausalFlags('op', Uint8Array.of(0, 1), 2)).toEqual(Int32Array.of(0, 1));
});

test('prefixes are copied, so the array may be reused', () => {
  const rswaPrefixLens = Int32Array.of(4, 0);
  const ints = readMaskInts('op', { rswaPrefixLens }, 2);
  rswaPrefixLens.fill(9);
  expect(ints.rswaPrefixLens).toEqual(Int32Array.of(4, 0));
});

test('one prefix stands for all sequences and excludes a list', () => {
  const given = Int32Array.of(1, 2);
  expect(prefixLens('op', 3, undefined, 2)).toEqual(Int32Array.of(3, 3));
  expect(prefixLens('op', undefined, given, 2)).toBe(given);
  expect(prefixLens('op', 0, given, 2)).toBe(given);
  expect(() => prefixLens('op', 3, given, 2)).toThrow(InvalidArgumentError);
});

test('a batch of one sequence keeps that sequence`s part', () => {
  const mmPrefixRanges = [[[1, 3]], [[0, 2], [5, 6]]] as const; // prettier-ignore
  const rswaPrefixLens = Int32Array.of(4, 7);
  const ints = readMaskInts('op', { mmPrefixRanges, rswaPrefixLens }, 2);
  expect(maskIntsOf({ ...ints, causalFlags: Int32Array.of(1, 0) }, 1)).toEqual({
    causalFlags: Int32Array.of(0),
    rswaPrefixLens: Int32Array.of(7),
    mmRanges: Int32Array.of(2, 6, 0, 2, 5, 6),
  });
});
