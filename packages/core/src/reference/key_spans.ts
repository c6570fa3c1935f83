import { mayAttend, rangeOf, type MaskRules } from './mask.js';

/** Keys begin to end - 1. */
export type Span = readonly [begin: number, end: number];

/**
 * Keys that positions `first` to `last` may see, ascending: one stretch, or two where a prefix escapes the window. No
 * span mixes prefix and window, so {@link seesAll} needs to look at corners only.
 */
export function keySpans(rules: MaskRules, first: number, last: number, seqLen: number): Span[] {
  const { causal, windowLeft, windowRight, chunkSize, chunkLookback, prefixLen } = rules;
  let begin = 0;
  let end = seqLen;
  if (causal) end = Math.min(end, last + 1);
  if (chunkSize > 0) {
    begin = Math.max(begin, (Math.floor(first / chunkSize) - chunkLookback) * chunkSize);
    end = Math.min(end, (Math.floor(last / chunkSize) + 1) * chunkSize);
  }
  const from = windowLeft >= 0 ? first - windowLeft : 0;
  const to = windowRight >= 0 ? last + windowRight + 1 : seqLen;
  // A position's own range and its band both hold it, so only the ranges at the ends reach beyond all bands.
  const low = rangeOf(rules, first)?.[0] ?? Infinity;
  const high = Math.min(seqLen, (rangeOf(rules, last)?.[1] ?? -1) + 1);
  const spans: Span[] = [
    [Math.min(begin, low), Math.min(prefixLen, Math.max(end, high))],
    [Math.max(Math.min(Math.max(begin, from), low), prefixLen), Math.max(Math.min(end, to), high)],
  ];
  return spans.filter(([start, stop]) => start < stop);
}

/** Whether positions hide none of the keys of a span's part from positions `first` to `last`. */
export function seesAll(
  rules: MaskRules,
  first: number,
  last: number,
  [begin, end]: Span,
): boolean {
  return mayAttend(rules, first, end - 1) && mayAttend(rules, last, begin);
}
