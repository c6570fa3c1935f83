import { FEATURE_BITS, type AttentionParams } from '../problem/params.js';

/** causal(j <= p). */
export function causalHook({ flags }: AttentionParams, p: number, j: number): boolean {
  return (flags & FEATURE_BITS.causal) === 0 || j <= p;
}

/** p - j <= windowLeft and j - p <= windowRight, or j before the prefix that escapes the window. */
export function windowHook(params: AttentionParams, p: number, j: number): boolean {
  const { windowLeft, windowRight, rswaPrefixLen } = params;
  const inWindow =
    (windowLeft < 0 || p - j <= windowLeft) && (windowRight < 0 || j - p <= windowRight);
  return inWindow || j < rswaPrefixLen;
}

/** 0 <= floor(p / c) - floor(j / c) <= lookback. */
export function chunkHook(
  { chunkSize, chunkLookback }: AttentionParams,
  p: number,
  j: number,
): boolean {
  if (chunkSize === 0) return true;
  const chunks = Math.floor(p / chunkSize) - Math.floor(j / chunkSize);
  return chunks >= 0 && chunks <= chunkLookback;
}

/** Which keys position p may see by geometry alone; sequence ends, masks and -Infinity biases are apart. */
export function inBand(params: AttentionParams, p: number, j: number): boolean {
  return causalHook(params, p, j) && windowHook(params, p, j) && chunkHook(params, p, j);
}

/** Whether geometry ever hides a key. */
export function hasBand({ flags, windowLeft, windowRight, chunkSize }: AttentionParams): boolean {
  return (
    (flags & FEATURE_BITS.causal) !== 0 || windowLeft >= 0 || windowRight >= 0 || chunkSize > 0
  );
}
