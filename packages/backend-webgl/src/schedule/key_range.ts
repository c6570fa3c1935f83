import { rangeOf, type MaskRules } from '@tfjs-attention/core/provider';

/** Keys [first, gap) and [resume, end). */
export interface KeyRange {
  readonly first: number;
  readonly gap: number;
  readonly resume: number;
  readonly end: number;
}

/** Keys that some of the positions `first` to `last` may see: one stretch, or two where a prefix escapes the window. */
export function keyRange(rules: MaskRules, first: number, last: number, seqLen: number): KeyRange {
  const { causal, windowLeft, windowRight, chunkSize, chunkLookback, prefixLen } = rules;
  let low = 0;
  let high = causal ? Math.min(seqLen, last + 1) : seqLen;
  if (chunkSize > 0) {
    low = Math.max(low, (Math.floor(first / chunkSize) - chunkLookback) * chunkSize);
    high = Math.min(high, (Math.floor(last / chunkSize) + 1) * chunkSize);
  }
  const windowLow = windowLeft >= 0 ? Math.max(low, first - windowLeft) : low;
  const windowHigh = windowRight >= 0 ? Math.min(high, last + windowRight + 1) : high;
  // A position's own range and its band both hold it, so only the ranges at the ends reach beyond all bands.
  const begin = Math.max(0, Math.min(windowLow, rangeOf(rules, first)?.[0] ?? Infinity));
  const rangeEnd = Math.min(seqLen, (rangeOf(rules, last)?.[1] ?? -1) + 1);
  const end = Math.max(begin, windowHigh, rangeEnd);
  const prefixEnd = Math.min(prefixLen, high);
  if (prefixEnd <= low) return stretch(begin, end);
  if (begin <= prefixEnd) return stretch(Math.min(low, begin), Math.max(end, prefixEnd));
  return { first: low, gap: prefixEnd, resume: begin, end };
}

function stretch(first: number, end: number): KeyRange {
  return { first, gap: end, resume: end, end };
}

export function countOf({ first, gap, resume, end }: KeyRange): number {
  return gap - first + end - resume;
}
