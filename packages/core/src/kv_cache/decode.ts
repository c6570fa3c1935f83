import type { ElementDtype } from '../problem/params.js';

const bits = new Uint32Array(1);
const floats = new Float32Array(bits.buffer);

function floatOf(word: number): number {
  bits[0] = word;
  return floats[0];
}

export function decodeFloat16(code: number): number {
  const sign = code & 0x8000 ? -1 : 1;
  const exponent = (code >> 10) & 0x1f;
  const mantissa = code & 0x3ff;
  if (exponent === 0x1f) return mantissa ? NaN : sign * Infinity;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

export function decodeBfloat16(code: number): number {
  return floatOf(code << 16);
}

/** e4m3fn has no Infinity: 0x7f and 0xff are NaN, 0x7e is 448. */
export function decodeE4m3(code: number): number {
  const sign = code & 0x80 ? -1 : 1;
  const magnitude = code & 0x7f;
  if (magnitude === 0x7f) return NaN;
  const exponent = magnitude >> 3;
  const mantissa = magnitude & 7;
  return sign * (exponent === 0 ? mantissa * 2 ** -9 : (1 + mantissa / 8) * 2 ** (exponent - 7));
}

/** The upper byte of a half. */
export function decodeE5m2(code: number): number {
  return decodeFloat16(code << 8);
}

export function decodeInt8(code: number): number {
  return (code << 24) >> 24;
}

/** Stored bits to the value before its scale. */
export function decode(dtype: ElementDtype, code: number): number {
  switch (dtype) {
    case 'float32':
      return floatOf(code);
    case 'float16':
      return decodeFloat16(code);
    case 'bfloat16':
      return decodeBfloat16(code);
    case 'fp8_e4m3':
    case 'fp8_per_token_head':
      return decodeE4m3(code);
    case 'fp8_e5m2':
      return decodeE5m2(code);
    case 'int8':
    case 'int8_per_token_head':
      return decodeInt8(code);
    default:
      return dtype satisfies never;
  }
}
