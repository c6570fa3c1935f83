import { FEATURE_BITS, inBand, type AttentionParams } from '@tfjs-attention/core/provider';

/** Keys begin to end - 1. */
export type Span = readonly [begin: number, end: number];

/**
 * Keys that positions `first` to `last` may see, ascending: one stretch, or two where a prefix escapes the window. No
 * span mixes prefix and window, so {@link seesAll} needs to look at corners only.
 */
export function keySpans(
  params: AttentionParams,
  first: number,
  last: number,
  seqLen: number,
): Span[] {
  const { flags, windowLeft, windowRight, chunkSize, chunkLookback, rswaPrefixLen } = params;
  let begin = 0;
  let end = seqLen;
  if (flags & FEATURE_BITS.causal) end = Math.min(end, last + 1);
  if (chunkSize > 0) {
    begin = Math.max(begin, (Math.floor(first / chunkSize) - chunkLookback) * chunkSize);
    end = Math.min(end, (Math.floor(last / chunkSize) + 1) * chunkSize);
  }
  const from = windowLeft >= 0 ? first - windowLeft : 0;
  const to = windowRight >= 0 ? last + windowRight + 1 : seqLen;
  const spans: Span[] = [
    [begin, Math.min(end, rswaPrefixLen)],
    [Math.max(begin, from, rswaPrefixLen), Math.min(end, to)],
  ];
  return spans.filter(([start, stop]) => start < stop);
}

/** Whether geometry hides none of the keys of a span's part from positions `first` to `last`. */
export function seesAll(
  params: AttentionParams,
  first: number,
  last: number,
  [begin, end]: Span,
): boolean {
  return inBand(params, first, end - 1) && inBand(params, last, begin);
}
