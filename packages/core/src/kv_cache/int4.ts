import { encodeInt8 } from './encode.js';

const { fround, max, min } = Math;

const floats = new Float32Array(1);
const bits = new Uint32Array(floats.buffer);
const MOST = fround(3.4028234663852886e38);

/**
 * Asymmetric 4-bit rows (vLLM `int4_per_token_head`): real = (code - zero) * scale with code and zero in 0 to 15. The
 * zero point hides in the four lowest mantissa bits of the stored scale, whose value is what the other bits say.
 *
 * The stored scale of `size` numbers from `from` on: scale = max((high - low) / 15, 1e-6), zero = -low / scale, where
 * [low, high] holds 0 and every number but NaN. (vLLM leaves the 0 out, so a row of one sign loses its far end.)
 *
 * ```js
 * measureInt4([-1, 2], 0, 2);  // 0.2, zero point 5: codes 0 and 15
 * ```
 */
export function measureInt4(values: ArrayLike<number>, from: number, size: number): number {
  let low = 0;
  let high = 0;
  for (let lane = from; lane < from + size; lane++) {
    // A NaN is no size.
    if (values[lane] < low) low = values[lane];
    if (values[lane] > high) high = values[lane];
  }
  const scale = min(fround(fround(high - low) / 15), MOST);
  floats[0] = max(scale, fround(1e-6));
  bits[0] &= ~15;
  const zero = min(encodeInt8(fround(-low / floats[0])), 15);
  bits[0] |= zero;
  return floats[0];
}

/** The factor of a stored scale. */
export function int4Scale(stored: number): number {
  floats[0] = stored;
  bits[0] &= ~15;
  return floats[0];
}

/** The zero point of a stored scale, 0 to 15. */
export function int4Zero(stored: number): number {
  floats[0] = stored;
  return bits[0] & 15;
}

/** Code of x under a stored scale: half away from zero, saturating; NaN = 0. */
export function encodeInt4(x: number, stored: number): number {
  const steps = (encodeInt8(fround(x / int4Scale(stored))) << 24) >> 24;
  return max(0, min(15, steps + int4Zero(stored)));
}

/** Code of element `lane` of a row that begins at byte `from`; even lanes are low nibbles. */
export function int4Code(codes: ArrayLike<number>, from: number, lane: number): number {
  return (codes[from + (lane >> 1)] >> (4 * (lane & 1))) & 15;
}

/** Sets that element. */
export function setInt4Code(
  codes: Record<number, number>,
  from: number,
  lane: number,
  code: number,
): void {
  const at = from + (lane >> 1);
  codes[at] = lane & 1 ? (codes[at] & 15) | (code << 4) : code;
}
