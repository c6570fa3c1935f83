import {
  FullAttentionSpec,
  HostKvBlocks,
  KV_CACHE_DTYPES,
  KvCache,
  swapBlocks,
  type KvBlockBytes,
  type KvCacheDtype,
} from '@tfjs-attention/core';
import { readCache, twinOf } from '../cache_bytes.js';
import type { Random } from '../random.js';
import { pairwise, titleOf, type Point } from './grid.js';

export const CACHE_TEST = 'test_cache';

export const CACHE_AXES = {
  size: [64, 80, 256],
  block: [8, 16, 32],
  dtype: KV_CACHE_DTYPES,
} as const;

/** One point of vLLM's grid of cache tests. */
export interface CacheCase {
  readonly name: string;
  readonly headSize: number;
  readonly blockSize: number;
  readonly dtype: KvCacheDtype;
  readonly numBlocks: number;
  readonly numKvHeads: number;
  /** Blocks that an operation on blocks names. */
  readonly numMappings: number;
}

/** The grid of one operation. vLLM has 1024 and 10000 blocks, 8 heads and 256 mappings. */
export function cacheCases(what: string, full: boolean): CacheCase[] {
  return pairwise(CACHE_AXES).map((point: Point<typeof CACHE_AXES>) => ({
    name: titleOf(CACHE_TEST, what, CACHE_AXES, point),
    headSize: point.size,
    blockSize: point.block,
    dtype: point.dtype,
    ...(full
      ? { numBlocks: 1024, numKvHeads: 8, numMappings: 256 }
      : { numBlocks: 12, numKvHeads: 2, numMappings: 3 }),
  }));
}

export type Scales = Partial<Record<'kScale' | 'vScale', number | Float32Array>>;

export function makeKvCache(c: CacheCase, scales: Scales = {}): KvCache {
  const { blockSize, numKvHeads, headSize, numBlocks, dtype } = c;
  const spec = new FullAttentionSpec({ blockSize, numKvHeads, headSize });
  return new KvCache(spec, { numBlocks, dtype, ...scales });
}

const everyBlock = (count: number) => Array.from({ length: count }, (_, block) => block);

/** Random bytes (and token scales) in every block of a cache or of host blocks; returns a copy of what is stored then. */
export async function scramble(end: KvCache | HostKvBlocks, random: Random): Promise<KvBlockBytes> {
  const twin = end instanceof HostKvBlocks ? end : twinOf(end);
  const blocks = everyBlock(end.layout.numBlocks);
  const bytes = twin.storage.readBlocks(blocks);
  for (const half of [bytes.key, bytes.value]) {
    for (let i = 0; i < half.length; i++) half[i] = random() * 256;
  }
  for (const scales of [bytes.keyScales, bytes.valueScales]) {
    for (let i = 0; scales && i < scales.length; i++) scales[i] = random();
  }
  twin.storage.writeBlocks(blocks, bytes);
  if (end instanceof KvCache) {
    await swapBlocks(
      twin,
      end,
      blocks.map((block) => [block, block]),
    );
  }
  return readCache(end);
}

/** What `to` holds after blocks of `from` were copied over some of its own. */
export function withBlocks(
  to: KvBlockBytes,
  from: KvBlockBytes,
  numBlocks: number,
  pairs: readonly (readonly [number, number])[],
): KvBlockBytes {
  const part = <T extends Uint8Array | Float32Array>(target: T, source: T): T => {
    const result = target.slice() as T;
    const size = source.length / numBlocks;
    for (const [a, b] of pairs) result.set(source.subarray(a * size, (a + 1) * size), b * size);
    return result;
  };
  return {
    key: part(to.key, from.key),
    value: part(to.value, from.value),
    ...(to.keyScales && from.keyScales && { keyScales: part(to.keyScales, from.keyScales) }),
    ...(to.valueScales &&
      from.valueScales && { valueScales: part(to.valueScales, from.valueScales) }),
  };
}
