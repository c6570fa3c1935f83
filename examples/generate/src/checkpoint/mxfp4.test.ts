import { expect, test } from '@jest/globals';
import { decodeMxfp4, MXFP4_BLOCK } from './mxfp4.js';

test('decodes every code, lower half first, times the scale of its block', () => {
  const codes = Uint8Array.from({ length: MXFP4_BLOCK }, (_, i) => {
    const lower = (2 * i) % 16;
    return lower | ((lower + 1) << 4);
  });
  const magnitudes = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
  const table = [...magnitudes, ...magnitudes.map((x) => -x)];
  const values = decodeMxfp4(codes, Uint8Array.of(127, 124));
  expect([...values]).toEqual([...[...table, ...table], ...[...table, ...table].map((x) => x / 8)]);
});

test('a scale of 255 is NaN, of 0 the smallest power', () => {
  const ones = new Uint8Array(MXFP4_BLOCK / 2).fill(0x22);
  expect(decodeMxfp4(ones, Uint8Array.of(255))[31]).toBeNaN();
  expect(decodeMxfp4(ones, Uint8Array.of(0))[0]).toBe(2 ** -127);
});
