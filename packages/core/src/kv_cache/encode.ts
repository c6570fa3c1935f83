import type { ElementDtype } from '../problem/params.js';

const { abs, floor, max, min, sign } = Math;

const floats = new Float32Array(1);
const bits = new Uint32Array(floats.buffer);

function bitsOf(x: number): number {
  floats[0] = x;
  return bits[0];
}

/** Shifts out `count` low bits, nearest, ties to even. */
function roundShift(value: number, count: number): number {
  const half = 2 ** (count - 1);
  const kept = floor(value / 2 ** count);
  const rest = value - kept * 2 ** count;
  return rest > half || (rest === half && kept % 2 === 1) ? kept + 1 : kept;
}

/**
 * Rounds a float32 to a small float of `exponentBits` and `mantissaBits`, nearest-even with subnormals, and returns its
 * code without the sign. Codes past `maxCode` become `overflowCode`.
 */
function encodeMagnitude(
  magnitudeBits: number,
  exponentBits: number,
  mantissaBits: number,
  maxCode: number,
  overflowCode: number,
): number {
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (magnitudeBits >>> 23) - 127 + bias;
  const drop = 23 - mantissaBits;
  let code: number;
  if (exponent >= 1) {
    code = roundShift(magnitudeBits - ((127 - bias) << 23), drop);
  } else {
    const significand = (magnitudeBits & 0x7fffff) | (magnitudeBits >>> 23 === 0 ? 0 : 0x800000);
    const shift = drop + 1 - exponent;
    code = shift > 25 ? 0 : roundShift(significand, shift);
  }
  return code > maxCode ? overflowCode : code;
}

/** float32 to IEEE half bits: nearest-even, overflow to Infinity, NaN kept. */
export function encodeFloat16(x: number): number {
  const word = bitsOf(x);
  const signBit = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return signBit | 0x7e00;
  return signBit | encodeMagnitude(magnitude, 5, 10, 0x7bff, 0x7c00);
}

/** float32 to bfloat16 bits: nearest-even, NaN kept. */
export function encodeBfloat16(x: number): number {
  const word = bitsOf(x);
  if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40;
  return roundShift(word, 16) & 0xffff;
}

/** float32 to e4m3fn (OCP FP8): nearest-even, saturating at 448, NaN = 0x7f. */
export function encodeE4m3(x: number): number {
  const word = bitsOf(x);
  const signBit = (word >>> 24) & 0x80;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return signBit | 0x7f;
  return signBit | encodeMagnitude(magnitude, 4, 3, 0x7e, 0x7e);
}

/** float32 to e5m2 (OCP FP8): nearest-even, saturating at 57344, NaN = 0x7f. */
export function encodeE5m2(x: number): number {
  const word = bitsOf(x);
  const signBit = (word >>> 24) & 0x80;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return signBit | 0x7f;
  return signBit | encodeMagnitude(magnitude, 5, 2, 0x7b, 0x7b);
}

/** float32 to int8: half away from zero, saturating at +-127 and -128; NaN = 0. */
export function encodeInt8(x: number): number {
  if (Number.isNaN(x)) return 0;
  const rounded = sign(x) * floor(abs(x) + 0.5);
  return max(-128, min(127, rounded)) & 0xff;
}

/** Stored bits of the already divided value x / scale. */
export function encode(dtype: ElementDtype, x: number): number {
  switch (dtype) {
    case 'float32':
      return bitsOf(x);
    case 'float16':
      return encodeFloat16(x);
    case 'bfloat16':
      return encodeBfloat16(x);
    case 'fp8_e4m3':
    case 'fp8_per_token_head':
      return encodeE4m3(x);
    case 'fp8_e5m2':
      return encodeE5m2(x);
    case 'int8':
    case 'int8_per_token_head':
      return encodeInt8(x);
    default:
      return dtype satisfies never;
  }
}
