import { FEATURE_BITS, type AttentionParams } from '../problem/params.js';
import type { MaskInts } from '../problem/problem.js';

/** What decides by position alone who sees whom in one sequence. */
export interface MaskRules {
  readonly causal: boolean;
  readonly windowLeft: number;
  readonly windowRight: number;
  /** Keys before this position escape the window. */
  readonly prefixLen: number;
  readonly chunkSize: number;
  readonly chunkLookback: number;
  /** First and last position of each range that sees itself in both directions. */
  readonly ranges: ArrayLike<number>;
}

/** The rules of sequence b. */
export function maskRules(params: AttentionParams, ints: MaskInts, b: number): MaskRules {
  const { flags, windowLeft, windowRight, chunkSize, chunkLookback } = params;
  const { causalFlags, rswaPrefixLens, mmRanges } = ints;
  const has = (feature: keyof typeof FEATURE_BITS) => (flags & FEATURE_BITS[feature]) !== 0;
  return {
    causal: has('causal') && !(has('mixedCausal') && causalFlags?.[b] === 0),
    windowLeft,
    windowRight,
    prefixLen: (has('rswa') && rswaPrefixLens?.[b]) || 0,
    chunkSize,
    chunkLookback,
    ranges: has('mmPrefix') && mmRanges ? mmRanges.subarray(mmRanges[b], mmRanges[b + 1]) : [],
  };
}

/** causal(j <= p). */
export function causalHook({ causal }: MaskRules, p: number, j: number): boolean {
  return !causal || j <= p;
}

/** p - j <= windowLeft and j - p <= windowRight, or j before the prefix that escapes the window. */
export function windowHook(rules: MaskRules, p: number, j: number): boolean {
  const { windowLeft, windowRight, prefixLen } = rules;
  const inWindow =
    (windowLeft < 0 || p - j <= windowLeft) && (windowRight < 0 || j - p <= windowRight);
  return inWindow || j < prefixLen;
}

/** 0 <= floor(p / c) - floor(j / c) <= lookback. */
export function chunkHook({ chunkSize, chunkLookback }: MaskRules, p: number, j: number): boolean {
  if (chunkSize === 0) return true;
  const chunks = Math.floor(p / chunkSize) - Math.floor(j / chunkSize);
  return chunks >= 0 && chunks <= chunkLookback;
}

/** p and j lie in the same range. */
export function sameRangeHook(rules: MaskRules, p: number, j: number): boolean {
  const range = rangeOf(rules, p);
  return range !== undefined && range[0] <= j && j <= range[1];
}

/** First and last position of the range that holds position p. */
export function rangeOf(
  { ranges }: MaskRules,
  p: number,
): readonly [first: number, last: number] | undefined {
  for (let i = 0; i < ranges.length && ranges[i] <= p; i += 2) {
    if (p <= ranges[i + 1]) return [ranges[i], ranges[i + 1]];
  }
  return undefined;
}

/** Whether position p may see key j by position alone; sequence ends, masks and -Infinity biases are apart. */
export function mayAttend(rules: MaskRules, p: number, j: number): boolean {
  const inBand = causalHook(rules, p, j) && windowHook(rules, p, j) && chunkHook(rules, p, j);
  return inBand || sameRangeHook(rules, p, j);
}

/** Whether positions ever hide a key. */
export function hasBand({ flags, windowLeft, windowRight, chunkSize }: AttentionParams): boolean {
  return (
    (flags & FEATURE_BITS.causal) !== 0 || windowLeft >= 0 || windowRight >= 0 || chunkSize > 0
  );
}
