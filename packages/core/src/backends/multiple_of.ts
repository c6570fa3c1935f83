import { checkInt } from '../problem/checks.js';

/** In a list of block sizes: every multiple of `base` (vLLM `MultipleOf`). */
export class MultipleOf {
  /** @throws InvalidArgumentError unless `base` is an integer >= 1. */
  constructor(readonly base: number) {
    checkInt(base, 'MultipleOf', 'base', 1);
  }
}

/** A block size that a kernel takes, or all multiples of one. */
export type BlockSize = number | MultipleOf;

/** Whether a list of block sizes has this one; an empty list has every one. */
export function takesBlockSize(sizes: readonly BlockSize[], blockSize: number): boolean {
  return (
    sizes.length === 0 ||
    sizes.some((size) =>
      size instanceof MultipleOf ? blockSize % size.base === 0 : blockSize === size,
    )
  );
}

/** e.g. '16, 32 or a multiple of 64' */
export function blockSizesText(sizes: readonly BlockSize[]): string {
  return sizes
    .map((size) => (size instanceof MultipleOf ? `a multiple of ${size.base}` : String(size)))
    .join(', ');
}
