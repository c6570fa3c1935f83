import fc from 'fast-check';
import { expect, test } from '@jest/globals';
import { KV_CACHE_DTYPES, type ElementDtype } from '../problem/params.js';
import { decode } from './decode.js';
import { encode } from './encode.js';

const CODES: Readonly<Record<ElementDtype, number>> = {
  float32: 0,
  float16: 2 ** 16,
  bfloat16: 2 ** 16,
  fp8_e4m3: 256,
  fp8_e5m2: 256,
  int8: 256,
  int8_per_token_head: 256,
  fp8_per_token_head: 256,
};
const SMALL = KV_CACHE_DTYPES.filter(
  (dtype) => dtype !== 'float32' && dtype !== 'int4_per_token_head',
);

/** [type, value, code]: the figures of IEEE 754, bfloat16 and OCP FP8. */
test.each<[ElementDtype, number, number]>([
  ['float16', 1, 0x3c00],
  ['float16', -2, 0xc000],
  ['float16', 65504, 0x7bff],
  ['float16', 65519, 0x7bff],
  ['float16', 65520, 0x7c00],
  ['float16', 2 ** -24, 0x0001],
  ['float16', 2 ** -25, 0x0000],
  ['float16', 1.0009766 * 2 ** -25, 0x0001],
  ['float16', -0, 0x8000],
  ['float16', -Infinity, 0xfc00],
  ['bfloat16', 1, 0x3f80],
  ['bfloat16', 1 + 2 ** -8, 0x3f80],
  ['bfloat16', 1 + 3 * 2 ** -8, 0x3f82],
  ['bfloat16', 3.4e38, 0x7f80],
  ['fp8_e4m3', 1, 0x38],
  ['fp8_e4m3', 448, 0x7e],
  ['fp8_e4m3', 1e9, 0x7e],
  ['fp8_e4m3', -Infinity, 0xfe],
  ['fp8_e4m3', 2 ** -9, 0x01],
  ['fp8_e4m3', 2 ** -10, 0x00],
  ['fp8_e4m3', 1.0625, 0x38],
  ['fp8_e4m3', 1.1875, 0x3a],
  ['fp8_e5m2', 1, 0x3c],
  ['fp8_e5m2', 57344, 0x7b],
  ['fp8_e5m2', Infinity, 0x7b],
  ['fp8_e5m2', 2 ** -16, 0x01],
  ['int8', 2.5, 3],
  ['int8', -2.5, 253],
  ['int8', 126.5, 127],
  ['int8', 1000, 127],
  ['int8', -128.4, 128],
  ['int8', -1000, 128],
  ['int8', NaN, 0],
])('%s stores %d as 0x%s', (dtype, value, code) => {
  expect(encode(dtype, Math.fround(value))).toBe(code);
});

test.each(SMALL)('every number that %s holds comes back', (dtype) => {
  const limit = dtype === 'fp8_e5m2' ? 57344 : Infinity;
  const lost = Array.from({ length: CODES[dtype] }, (_, code) => decode(dtype, code)).filter(
    (value) => {
      const kept = Math.max(-limit, Math.min(limit, value));
      return !Object.is(decode(dtype, encode(dtype, value)), kept);
    },
  );
  expect(lost).toEqual([]);
});

test.each(SMALL.filter((dtype) => CODES[dtype] === 256))('%s takes the nearest', (dtype) => {
  const held = Array.from({ length: 256 }, (_, code) => decode(dtype, code)).filter(
    Number.isFinite,
  );
  const most = Math.max(...held);
  fc.assert(
    fc.property(fc.float({ min: -Math.fround(most), max: Math.fround(most), noNaN: true }), (x) => {
      const best = Math.min(...held.map((value) => Math.abs(value - x)));
      expect(Math.abs(decode(dtype, encode(dtype, x)) - x)).toBe(best);
    }),
    { seed: 1 },
  );
});

test.each(['float16', 'bfloat16', 'fp8_e4m3', 'fp8_e5m2'] as const)('%s keeps NaN', (dtype) => {
  expect(decode(dtype, encode(dtype, NaN))).toBeNaN();
});

test('float32 is stored as it is', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true }), (x) => {
      expect(decode('float32', encode('float32', x))).toBe(x);
    }),
  );
});
