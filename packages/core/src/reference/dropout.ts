import { DROPOUT_UNITS } from '../problem/dropout.js';

const { imul } = Math;

/** Spreads every bit of a 32-bit integer over all others: two rounds of shift and multiply, as MurmurHash3 ends. */
function mix(x: number): number {
  x = imul(x ^ (x >>> 16), 0x85ebca6b);
  x = imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** What the weights of query row `row` of the whole batch are dropped by. */
export function dropoutRow(seed: number, row: number): number {
  return mix(seed ^ mix(row + 1));
}

/**
 * What a weight is multiplied with: 0 where key j of the row is dropped, else 1 / (1 - rate). A counter decides, not a
 * stream, so that the backward pass finds the same answer in whatever order it asks.
 */
export function dropoutHook(row: number, share: number, j: number): number {
  const drawn = mix(row + imul(j, 0x9e3779b9)) >>> 8;
  return drawn < share ? 0 : DROPOUT_UNITS / (DROPOUT_UNITS - share);
}
