import { expect, test } from '@jest/globals';
import { KV_CACHE_DTYPES } from '@tfjs-attention/core';
import { scaleOf, storedRow } from './stored.js';

const row = Float32Array.of(0, 1, -0.3, 4.2);

test('float32 keeps every bit', () => {
  expect(storedRow(row, 'float32')).toEqual(row);
});

/** int4 has 15 steps between the row's ends, -0.3 and 4.2. */
const roundingOf = (dtype: string, x: number) =>
  dtype === 'int4_per_token_head' ? 1.0001 * (0.3 / 2) : 0.07 * Math.abs(x) + 0.02;

test.each(KV_CACHE_DTYPES)('%s keeps a row within its rounding', (dtype) => {
  storedRow(row, dtype).forEach((x, i) => {
    expect(Math.abs(x - row[i])).toBeLessThanOrEqual(roundingOf(dtype, row[i]));
  });
});

test('int8 steps by its scale', () => {
  const step = scaleOf('int8');
  expect(storedRow(Float32Array.of(10 * step + 0.3 * step), 'int8')[0]).toBeCloseTo(10 * step, 6);
});

test('a per-token-head type meets the largest number of the row', () => {
  expect(storedRow(row, 'int8_per_token_head')[3]).toBeCloseTo(4.2, 6);
});
