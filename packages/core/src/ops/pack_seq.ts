import { concat, fill, reshape, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { check, checkInt32Array, checkTensor, shapeText } from '../problem/checks.js';
import { takeRows } from './take_rows.js';

/**
 * Packed sequences `[T, ...]` float32 side by side: `[B, Lmax, ...]`, shorter ones padded at their end (vLLM
 * `pack_seq_triton`). A sequence of length 0 is padding alone.
 *
 * ```js
 * packSeqTriton(x, Int32Array.of(2, 1), 0);  // tokens 0 1 | 2 become [[0, 1], [2, pad]]
 * ```
 *
 * @param lengths `[B]`, T together
 * @param padValue default -Infinity
 * @throws InvalidArgumentError where lengths are negative or do not add up to T.
 */
export function packSeqTriton(x: Tensor, lengths: Int32Array, padValue = -Infinity): Tensor {
  const op = 'packSeqTriton';
  checkRank(op, 'x', x, 1, '[T, ...]');
  const { total, longest } = readLengths(op, lengths);
  check(
    x.shape[0] === total,
    op,
    `x has ${x.shape[0]} tokens, the lengths add up to ${total}: they must agree`,
  );
  check(typeof padValue === 'number', op, `padValue must be a number, got ${String(padValue)}`);
  const [, ...rest] = x.shape;
  const width = rest.reduce((product, axis) => product * axis, 1);
  return tidy(op, () => {
    const rows = concat([reshape(x, [total, width]), fill([longest, width], padValue)]);
    const packed = takeRows(rows, placesOf(lengths, total, longest));
    return reshape(packed, [lengths.length, longest, ...rest]);
  });
}

/** Row of every place of `[B, longest]`; padding, which has `longest` rows, begins at row `total`. */
function placesOf(lengths: Int32Array, total: number, longest: number): Int32Array {
  const rows = new Int32Array(lengths.length * longest);
  let token = 0;
  lengths.forEach((length, b) => {
    for (let i = 0; i < longest; i++) {
      rows[b * longest + i] = i < length ? token++ : total + i;
    }
  });
  return rows;
}

/**
 * The inverse of {@link packSeqTriton}: `[B, L, ...]` with its padding left out, `[T, ...]` (vLLM `unpack_seq_triton`).
 *
 * @throws InvalidArgumentError for a length past L, or other sequences than B.
 */
export function unpackSeqTriton(packed: Tensor, lengths: Int32Array): Tensor {
  const op = 'unpackSeqTriton';
  checkRank(op, 'packed', packed, 2, '[B, L, ...]');
  const { total, longest } = readLengths(op, lengths);
  const [numSeqs, width, ...rest] = packed.shape;
  check(
    numSeqs === lengths.length && longest <= width,
    op,
    `packed ${shapeText(packed.shape)} must have ${lengths.length} rows of at least ${longest} tokens`,
  );
  const rows = new Int32Array(total);
  let token = 0;
  lengths.forEach((length, b) => {
    for (let i = 0; i < length; i++) rows[token++] = b * width + i;
  });
  return tidy(op, () => {
    const flat = reshape(packed, [numSeqs * width, ...rest]);
    return takeRows(flat, rows);
  });
}

function checkRank(op: string, name: string, x: Tensor, least: number, axes: string): void {
  checkTensor(x, op, name, x?.rank, axes);
  check(x.rank >= least, op, `${name} must be ${axes}, got ${shapeText(x.shape)}`);
}

/** Lengths of at least one sequence, with at least one token. */
function readLengths(op: string, lengths: Int32Array): { total: number; longest: number } {
  checkInt32Array(lengths, op, 'lengths', undefined, '[B]');
  let total = 0;
  let longest = 0;
  lengths.forEach((length, b) => {
    check(length >= 0, op, () => `lengths[${b}] must be >= 0, got ${length}`);
    total += length;
    longest = Math.max(longest, length);
  });
  check(total > 0, op, 'lengths hold no token: there is nothing to pack');
  return { total, longest };
}
