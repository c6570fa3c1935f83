import type { KvCacheDtype } from '../problem/params.js';
import { decode } from './decode.js';
import { maxStored } from './dtypes.js';
import { encode } from './encode.js';
import { encodeInt4, int4Code, int4Scale, int4Zero, measureInt4, setInt4Code } from './int4.js';

const { abs, fround, max } = Math;

/** An array of codes: float32 as bits, int4 as bytes of two. */
export type CodeArray = Readonly<Record<number, number>>;

/** The stored token scale of `size` numbers from `from` on: max(max|x| / QMAX, 1e-6); int4 as `int4.ts` says. */
export function measureRow(
  dtype: KvCacheDtype,
  values: ArrayLike<number>,
  from: number,
  size: number,
): number {
  if (dtype === 'int4_per_token_head') return measureInt4(values, from, size);
  let most = 0;
  for (let lane = from; lane < from + size; lane++) {
    // A NaN is no size: it stays one element's trouble.
    const magnitude = abs(values[lane]);
    if (magnitude > most) most = magnitude;
  }
  return max(fround(most / maxStored(dtype)), fround(1e-6));
}

/** Stores `size` numbers from `from` on as codes from `to` on, under their scale. */
export function encodeRow(
  dtype: KvCacheDtype,
  values: ArrayLike<number>,
  from: number,
  size: number,
  scale: number,
  codes: Record<number, number>,
  to: number,
): void {
  if (dtype === 'int4_per_token_head') {
    for (let lane = 0; lane < size; lane++) {
      setInt4Code(codes, to, lane, encodeInt4(values[from + lane], scale));
    }
    return;
  }
  for (let lane = 0; lane < size; lane++) {
    codes[to + lane] = encode(dtype, fround(values[from + lane] / scale));
  }
}

/** Reads `size` codes from `from` on back as float32 numbers from `to` on. */
export function decodeRow(
  dtype: KvCacheDtype,
  codes: CodeArray,
  from: number,
  size: number,
  scale: number,
  values: Record<number, number>,
  to: number,
): void {
  if (dtype === 'int4_per_token_head') {
    const zero = int4Zero(scale);
    const factor = int4Scale(scale);
    for (let lane = 0; lane < size; lane++) {
      values[to + lane] = fround(
        (int4Code(codes as ArrayLike<number>, from, lane) - zero) * factor,
      );
    }
    return;
  }
  for (let lane = 0; lane < size; lane++) {
    values[to + lane] = fround(decode(dtype, codes[from + lane]) * scale);
  }
}
