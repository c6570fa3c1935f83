import { expect, test } from '@jest/globals';
import { CapacityError, InvalidArgumentError } from '@tfjs-attention/core';
import type { KvCacheLayout } from '@tfjs-attention/core/provider';
import { assertSame, assertThrows, assertWithin, worstDistance } from './assert.js';
import { assertSameBytes } from './cache_bytes.js';
import { featurePairs, SINGLE_FEATURES } from './feature_pairs.js';
import { randomFrom, shuffled } from './random.js';
import { assertExpected, toleranceOf } from './tolerance.js';

test('the tolerance is twice the error of plain float32 and four units in the last place', () => {
  const exact = Float64Array.of(1, -2, NaN, -Infinity);
  const plain = Float64Array.of(1.25, -2.5, NaN, -Infinity);
  expect(toleranceOf(exact, plain)).toBe(2 * 0.5 + 4 * 2 ** -24 * 2);
});

test('a result beyond the tolerance fails, in output or in lse', () => {
  const expected = {
    output: Float64Array.of(1, 2),
    lse: Float64Array.of(3),
    outputTolerance: 0.1,
    lseTolerance: 0.01,
  };
  const judge = (output: number[], lse: number[], slack = 1) =>
    assertExpected({ output, lse }, expected, slack);
  expect(() => judge([1.05, 2], [3])).not.toThrow();
  expect(() => judge([1.05, 2.2], [3])).toThrow(/output\[1\]: expected 2, got 2\.2/);
  expect(() => judge([1, 2], [3.02])).toThrow(/lse\[0\]/);
  expect(() => judge([1, 2], [3.015], 2)).not.toThrow();
  expect(() => judge([1, NaN], [3])).toThrow(/got NaN/);
  expect(() => judge([1], [3])).toThrow(/expected 2 values, got 1/);
});

test('infinities and NaN agree with themselves alone', () => {
  expect(worstDistance([NaN, -Infinity, Infinity], [NaN, -Infinity, Infinity]).distance).toBe(0);
  expect(worstDistance([0], [-Infinity]).distance).toBe(Infinity);
  expect(worstDistance([Infinity], [-Infinity]).distance).toBe(Infinity);
  expect(worstDistance([0], [NaN]).distance).toBe(Infinity);
  expect(() => assertWithin('x', [NaN], [0], 1e9)).toThrow();
  expect(() => assertSame('x', [1, NaN], [1, NaN])).not.toThrow();
  expect(() => assertSame('x', [1 + 2 ** -52], [1])).toThrow(/x\[0\]/);
});

test('a call must throw its own class with its own words', async () => {
  const capacity = () => {
    throw new CapacityError('op: 5 blocks');
  };
  await assertThrows(capacity, CapacityError, /^op/, /5 blocks/);
  await expect(assertThrows(capacity, InvalidArgumentError)).rejects.toThrow(/Capacity/);
  await expect(assertThrows(capacity, CapacityError, /6 blocks/)).rejects.toThrow(/match/);
  await expect(assertThrows(() => 1, CapacityError)).rejects.toThrow(/nothing was thrown/);
});

test('stored bytes are compared to the bit, but one NaN is as good as another', () => {
  const layout = { dtype: 'fp8_e4m3' } as KvCacheLayout;
  const bytes = (...codes: number[]) => ({ key: Uint8Array.from(codes), value: new Uint8Array(1) });
  expect(() => assertSameBytes(layout, bytes(0x7f, 3), bytes(0xff, 3))).not.toThrow();
  expect(() => assertSameBytes(layout, bytes(0x80), bytes(0x00))).toThrow(/key\[0\].*0x80/);
  expect(() => assertSameBytes(layout, bytes(1), bytes(1, 2))).toThrow(/1 codes instead of 2/);
  const keyScales = Float32Array.of(1);
  expect(() => assertSameBytes(layout, bytes(1), { ...bytes(1), keyScales })).toThrow(/keyScales/);
});

test('every two features meet, unless they exclude one another', () => {
  const names = Object.keys(SINGLE_FEATURES);
  const pairs = new Set(featurePairs().map(({ name }) => name));
  const missing = names.flatMap((a, i) =>
    names.slice(i + 1).flatMap((b) => (pairs.has(`${a} + ${b}`) ? [] : [`${a} + ${b}`])),
  );
  expect(missing).toEqual([
    'sliding window + window left',
    'sliding window + window right',
    'sliding window + prefixes beside the window',
    'window left + prefixes beside the window',
  ]);
});

test('a seed fixes a shuffle, and a shuffle loses nothing', () => {
  const order = shuffled(randomFrom('seed'), 20);
  expect(shuffled(randomFrom('seed'), 20)).toEqual(order);
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
});
