import type { KvCache } from '../kv_cache/kv_cache.js';
import { checkCache, readPairs, type BlockMapping } from './blocks.js';
import { check } from '../problem/checks.js';

const OP = 'copyBlocks';

/**
 * Copies whole blocks inside each cache, keys, values and scales (vLLM `copy_blocks`, for copy-on-write forks). Sources
 * are read as they were before the call started only if no target is also a source; such a mapping throws.
 *
 * ```js
 * copyBlocks(caches, [[3, 7]]);  // block 7 of every layer becomes a copy of block 3
 * ```
 *
 * @throws InvalidArgumentError, DisposedError, BackendMismatchError: no cache is then changed.
 */
export function copyBlocks(caches: KvCache | readonly KvCache[], blockMapping: BlockMapping): void {
  const list = Array.isArray(caches) ? (caches as readonly KvCache[]) : [caches as KvCache];
  const work = list.map((cache) => {
    checkCache(OP, cache);
    const storage = cache.storageFor(OP);
    const { numBlocks } = cache.layout;
    const pairs = readPairs(OP, blockMapping, numBlocks, numBlocks);
    const sources = new Set(pairs.map(([from]) => from));
    for (const [from, to] of pairs) {
      check(
        from === to || !sources.has(to),
        OP,
        `block ${to} is both a source and a target: split the mapping into two calls`,
      );
    }
    return () => storage.copyBlocks(pairs);
  });
  work.forEach((copy) => copy());
}
