import { decode, DECODE_HEADS, prefill, WINDOW, type Cell } from '../grid.js';

/** A page waits for whatever is slow. */
const PATIENCE = 60_000;
/** Rows of 8 heads over more tokens have scores that stock ops cannot hold. */
const LONGEST = 16384;

/** Every cell of a complete run in a page. */
export function fullWebGlGrid(): Cell[] {
  return [
    ...(['full', 'causal'] as const).flatMap((group) =>
      [64, 128].flatMap((size) =>
        [256, 512, 1024, 2048, 4096].map((length) => prefill(group, length, size, PATIENCE)),
      ),
    ),
    prefill('causal', LONGEST, 64, PATIENCE),
    ...[1024, 2048, 4096, 8192, LONGEST].map((length) =>
      prefill('window', length, 64, PATIENCE, undefined, WINDOW),
    ),
    ...[1024, 2048].map((length) => prefill('gqa', length, 128, PATIENCE, [32, 8])),
    ...DECODE_HEADS.flatMap((heads) =>
      [1024, 2048, 4096, 8192, 16384].map((length) => decode(length, heads, PATIENCE)),
    ),
  ];
}

/** A sample that software drivers end in a minute or two. */
export function quickWebGlGrid(): Cell[] {
  return [
    ...(['full', 'causal'] as const).flatMap((group) =>
      [256, 512].map((length) => prefill(group, length, 64, PATIENCE)),
    ),
    prefill('window', 1024, 64, PATIENCE, undefined, WINDOW),
    prefill('gqa', 256, 128, PATIENCE, [32, 8]),
    ...[1024, 8192].map((length) => decode(length, DECODE_HEADS[0], PATIENCE)),
  ];
}
