import type { MmPrefixRanges } from './options.js';
import type { MaskInts } from './problem.js';
import { check, checkInt, checkInt32Array, shapeText } from './checks.js';

/** Per-sequence rules as callers give them. */
export interface MaskIntsOptions {
  rswaPrefixLens?: Int32Array;
  mmPrefixRanges?: MmPrefixRanges;
}

/** Checks and packs them. What no sequence needs is left out: an empty list is the same as none. */
export function readMaskInts(
  op: string,
  { rswaPrefixLens, mmPrefixRanges }: MaskIntsOptions,
  numSeqs: number,
): MaskInts {
  return {
    rswaPrefixLens:
      rswaPrefixLens == null ? undefined : readPrefixLens(op, rswaPrefixLens, numSeqs),
    mmRanges: mmPrefixRanges == null ? undefined : packRanges(op, mmPrefixRanges, numSeqs),
  };
}

/** The option `rswaPrefixLen` as a length a sequence; it excludes lengths that were `given` one by one. */
export function prefixLens(
  op: string,
  rswaPrefixLen: number | undefined,
  given: Int32Array | undefined,
  numSeqs: number,
): Int32Array | undefined {
  if (rswaPrefixLen === undefined) return given;
  checkInt(rswaPrefixLen, op, 'rswaPrefixLen', 0);
  if (rswaPrefixLen === 0) return given;
  check(
    given === undefined,
    op,
    () => `rswaPrefixLen ${rswaPrefixLen} excludes rswaPrefixLens [B]: give the one or the other`,
  );
  return new Int32Array(numSeqs).fill(rswaPrefixLen);
}

function readPrefixLens(op: string, lengths: Int32Array, numSeqs: number): Int32Array | undefined {
  checkInt32Array(lengths, op, 'rswaPrefixLens', numSeqs, '[B]');
  lengths.forEach((length, b) => checkInt(length, op, () => `rswaPrefixLens[${b}]`, 0));
  return lengths.some((length) => length > 0) ? lengths.slice() : undefined;
}

function packRanges(op: string, ranges: MmPrefixRanges, numSeqs: number): Int32Array | undefined {
  check(
    Array.isArray(ranges) && ranges.length === numSeqs,
    op,
    () =>
      `mmPrefixRanges must be ${numSeqs} lists of ranges, one a sequence, got ${Array.isArray(ranges) ? ranges.length : typeof ranges}`,
  );
  const pairs: number[] = [];
  const starts = new Int32Array(numSeqs + 1).fill(numSeqs + 1);
  for (let b = 0; b < numSeqs; b++) {
    readRanges(op, ranges[b], b, pairs);
    starts[b + 1] += pairs.length;
  }
  if (pairs.length === 0) return undefined;
  const packed = new Int32Array(starts.length + pairs.length);
  packed.set(starts);
  packed.set(pairs, starts.length);
  return packed;
}

/** Appends a sequence's ranges; each must begin after the one before it ended. */
function readRanges(op: string, list: unknown, b: number, pairs: number[]): void {
  check(
    Array.isArray(list),
    op,
    () => `mmPrefixRanges[${b}] must be a list of ranges [first, last], got ${typeof list}`,
  );
  let before = -1;
  for (let i = 0; i < list.length; i++) {
    const name = () => `mmPrefixRanges[${b}][${i}]`;
    const [first, last] = readPair(op, name, list[i]);
    check(
      first > before,
      op,
      () =>
        `${name()} = [${first}, ${last}] begins at or before ${before}, where the range before it ends: ` +
        'a list must rise and its ranges must not overlap; join ranges that do',
    );
    before = last;
    pairs.push(first, last);
  }
}

function readPair(op: string, name: () => string, range: unknown): [first: number, last: number] {
  check(
    Array.isArray(range) && range.length === 2,
    op,
    () =>
      `${name()} must be a pair [first, last] of positions, got ${Array.isArray(range) ? shapeText(range) : typeof range}`,
  );
  const [first, last] = range as unknown[];
  checkInt(first, op, () => `${name()}[0]`, 0);
  checkInt(last, op, () => `${name()}[1]`, 0);
  check(
    first <= last,
    op,
    () => `${name()} = [${first}, ${last}] ends before it begins: ranges include both ends`,
  );
  return [first, last];
}

/** Flags of the causal rule `[B]`; nothing where every sequence obeys it. */
export function readCausalFlags(
  op: string,
  causal: boolean | Uint8Array | readonly boolean[],
  numSeqs: number,
): Int32Array | undefined {
  if (typeof causal === 'boolean') return causal ? undefined : new Int32Array(numSeqs);
  check(
    causal instanceof Uint8Array || Array.isArray(causal),
    op,
    () => `causal must be a boolean, or a Uint8Array or booleans [B], got ${typeof causal}`,
  );
  check(
    causal.length === numSeqs,
    op,
    () => `causal must have ${numSeqs} entries [B], got ${causal.length}`,
  );
  const flags = Int32Array.from(causal, (flag: unknown, b) => {
    check(
      typeof flag === 'boolean' || flag === 0 || flag === 1,
      op,
      () => `causal[${b}] must be true or false, got ${String(flag)}`,
    );
    return Number(flag);
  });
  return flags.every((flag) => flag === 1) ? undefined : flags;
}

/** The part of sequence b, as a batch of one. */
export function maskIntsOf(
  { causalFlags, rswaPrefixLens, mmRanges }: MaskInts,
  b: number,
): MaskInts {
  const ranges = mmRanges?.subarray(mmRanges[b], mmRanges[b + 1]) ?? [];
  return {
    ...(causalFlags && { causalFlags: causalFlags.slice(b, b + 1) }),
    ...(rswaPrefixLens && { rswaPrefixLens: rswaPrefixLens.slice(b, b + 1) }),
    ...(mmRanges && { mmRanges: Int32Array.of(2, 2 + ranges.length, ...ranges) }),
  };
}
