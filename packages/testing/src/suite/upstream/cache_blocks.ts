import { copyBlocks, HostKvBlocks, swapBlocks, type KvCache } from '@tfjs-attention/core';
import { assertSameBytes, readCache } from '../cache_bytes.js';
import { randomFrom, shuffled } from '../random.js';
import type { Spec } from '../subject.js';
import { cacheCases, makeKvCache, scramble, withBlocks, type CacheCase } from './cache_fixture.js';

/** Each source block goes to two others, in two layers at once. */
function copySpec(c: CacheCase): Spec {
  return {
    name: c.name,
    run: async () => {
      const random = randomFrom(c.name);
      const order = shuffled(random, c.numBlocks);
      const pairs = Array.from({ length: c.numMappings }, (_, n) => n).flatMap((n) => [
        [order[n], order[c.numMappings + 2 * n]] as const,
        [order[n], order[c.numMappings + 2 * n + 1]] as const,
      ]);
      const layers = [makeKvCache(c), makeKvCache(c)];
      try {
        const before = [await scramble(layers[0], random), await scramble(layers[1], random)];
        copyBlocks(layers, pairs);
        for (const [n, layer] of layers.entries()) {
          const expected = withBlocks(before[n], before[n], c.numBlocks, pairs);
          assertSameBytes(layer.layout, await readCache(layer), expected);
        }
      } finally {
        layers.forEach((layer) => layer.dispose());
      }
    },
  };
}

const DIRECTIONS = {
  'device to host': ['cache', 'host'],
  'device to device': ['cache', 'cache'],
  'host to device': ['host', 'cache'],
} as const;

function swapSpec(c: CacheCase, [from, to]: readonly ['cache' | 'host', 'cache' | 'host']): Spec {
  return {
    name: c.name,
    run: async () => {
      const random = randomFrom(c.name);
      const caches: KvCache[] = [];
      const open = (kind: 'cache' | 'host') => {
        const cache = makeKvCache(c);
        caches.push(cache);
        return kind === 'cache' ? cache : new HostKvBlocks(cache, c.numBlocks);
      };
      try {
        const [source, target] = [open(from), open(to)];
        const [given, before] = [await scramble(source, random), await scramble(target, random)];
        const [sources, targets] = [shuffled(random, c.numBlocks), shuffled(random, c.numBlocks)];
        const pairs = Array.from(
          { length: c.numMappings },
          (_, n) => [sources[n], targets[n]] as const,
        );
        await swapBlocks(source, target, pairs);
        const expected = withBlocks(before, given, c.numBlocks, pairs);
        assertSameBytes(target.layout, await readCache(target), expected);
        assertSameBytes(source.layout, await readCache(source), given);
      } finally {
        caches.forEach((cache) => cache.dispose());
      }
    },
  };
}

/** Copies of whole blocks, which are exact to the bit and touch no other block. */
export function cacheBlocks(full: boolean): Spec[] {
  return [
    ...cacheCases('copy_blocks', full).map(copySpec),
    ...Object.entries(DIRECTIONS).flatMap(([name, ends]) =>
      cacheCases(`swap_blocks ${name}`, full).map((c) => swapSpec(c, ends)),
    ),
  ];
}
