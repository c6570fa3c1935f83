import { InvalidArgumentError } from '../errors.js';
import { check, checkInt } from '../problem/checks.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import type { BlockPairs, KvCacheLayout } from '../kv_cache/layout.js';

/** `[n, 2]` flat, or n pairs `[from, to]`. */
export type BlockMapping = Int32Array | readonly (readonly [number, number])[];

/** Checks a mapping: ids in range, no block written twice. */
export function readPairs(
  op: string,
  mapping: BlockMapping,
  numFrom: number,
  numTo: number,
): BlockPairs {
  check(
    mapping instanceof Int32Array ? mapping.length % 2 === 0 : Array.isArray(mapping),
    op,
    'blockMapping must be pairs [from, to]: an Int32Array [n, 2] or an array of pairs',
  );
  const pairs =
    mapping instanceof Int32Array
      ? Array.from(
          { length: mapping.length / 2 },
          (_, i) => [mapping[2 * i], mapping[2 * i + 1]] as const,
        )
      : mapping;
  const written = new Set<number>();
  for (const pair of pairs) {
    check(Array.isArray(pair), op, `blockMapping must hold pairs [from, to], got ${typeof pair}`);
    const [from, to] = pair;
    checkInt(from, op, 'a source block', 0);
    checkInt(to, op, 'a target block', 0);
    check(from < numFrom, op, `block ${from} is outside the source's blocks 0 to ${numFrom - 1}`);
    check(to < numTo, op, `block ${to} is outside the target's blocks 0 to ${numTo - 1}`);
    check(!written.has(to), op, `block ${to} is written twice: targets must be distinct`);
    written.add(to);
  }
  return pairs;
}

export function checkCache(op: string, cache: unknown): asserts cache is KvCache {
  if (!(cache instanceof KvCache)) {
    throw new InvalidArgumentError(`${op}: cache must be a KvCache, got ${typeof cache}`);
  }
}

/** Whether blocks of the two may be exchanged byte for byte. */
export function checkSameBlocks(op: string, a: KvCacheLayout, b: KvCacheLayout): void {
  for (const field of ['blockSize', 'numKvHeads', 'headSize', 'valueHeadSize', 'dtype'] as const) {
    check(
      a[field] === b[field],
      op,
      `source and target differ in ${field}: ${a[field]} and ${b[field]}; bytes move only between equal layouts`,
    );
  }
}
