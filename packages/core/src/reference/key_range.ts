import { keySpans, type Span } from './key_spans.js';
import type { MaskRules } from './mask.js';

const NONE: Span = [0, 0];

/** Keys [first, gap) and [resume, end). */
export interface KeyRange {
  readonly first: number;
  readonly gap: number;
  readonly resume: number;
  readonly end: number;
}

/** Keys that some of the positions `first` to `last` may see: one stretch, or two where a prefix escapes the window. */
export function keyRange(rules: MaskRules, first: number, last: number, seqLen: number): KeyRange {
  const [[begin, middle] = NONE, tail] = keySpans(rules, first, last, seqLen);
  if (tail !== undefined && tail[0] > middle) {
    return { first: begin, gap: middle, resume: tail[0], end: tail[1] };
  }
  const end = tail?.[1] ?? middle;
  return { first: begin, gap: end, resume: end, end };
}

/** The same keys and those beside them that fill whole tiles: only the end of all keys may lie inside a tile. */
export function wholeTiles({ first, gap, resume, end }: KeyRange, tile: number): KeyRange {
  const down = (key: number) => key - (key % tile);
  const [begin, middle, again] = [down(first), down(gap + tile - 1), down(resume)];
  if (resume === end || middle >= again) return { first: begin, gap: end, resume: end, end };
  return { first: begin, gap: middle, resume: again, end };
}

export function countOf({ first, gap, resume, end }: KeyRange): number {
  return gap - first + end - resume;
}
