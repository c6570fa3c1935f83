import { check, checkInt32Array } from './checks.js';

/** Checks `[n + 1]` prefix sums of lengths that begin with 0; `total` is what the last must be. */
export function checkCuSeqlens(
  op: string,
  name: string,
  cuSeqlens: unknown,
  total?: number,
): Int32Array {
  checkInt32Array(cuSeqlens, op, name, undefined, '[n + 1]');
  check(
    cuSeqlens.length >= 2 && cuSeqlens[0] === 0,
    op,
    `${name} must begin with 0 and hold a segment`,
  );
  for (let i = 1; i < cuSeqlens.length; i++) {
    check(
      cuSeqlens[i] >= cuSeqlens[i - 1],
      op,
      () => `${name} must not fall: entry ${i} is ${cuSeqlens[i]} after ${cuSeqlens[i - 1]}`,
    );
  }
  const last = cuSeqlens[cuSeqlens.length - 1];
  check(
    total === undefined || last === total,
    op,
    () => `${name} ends with ${last}, there are ${total} tokens`,
  );
  return cuSeqlens;
}

/** `[n + 1]` prefix sums of lengths. */
export function cuSeqlensOf(lengths: ArrayLike<number>): Int32Array {
  const sums = new Int32Array(lengths.length + 1);
  for (let i = 0; i < lengths.length; i++) sums[i + 1] = sums[i] + lengths[i];
  return sums;
}
