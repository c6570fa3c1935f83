import { check } from '../problem/checks.js';
import { HostKvBlocks } from '../kv_cache/host_blocks.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import type { KvCacheLayout } from '../kv_cache/layout.js';
import type { KvStorage } from '../kv_cache/storage.js';
import { checkSameBlocks, readPairs, type BlockMapping } from './blocks.js';

const OP = 'swapBlocks';

/**
 * Moves blocks between a cache and host memory, or between two caches, byte for byte (vLLM `swap_blocks`). Arguments are
 * checked at once; the promise resolves when the bytes have arrived. Do not write the blocks meanwhile.
 *
 * ```js
 * const parked = new HostKvBlocks(cache, 4);
 * await swapBlocks(cache, parked, [[9, 0]]);  // out: block 9 waits in host block 0
 * await swapBlocks(parked, cache, [[0, 5]]);  // in: it continues as block 5
 * ```
 *
 * @throws InvalidArgumentError for differing layouts or ids out of range; DisposedError, BackendMismatchError.
 */
export function swapBlocks(
  source: KvCache | HostKvBlocks,
  target: KvCache | HostKvBlocks,
  blockMapping: BlockMapping,
): Promise<void> {
  const from = open(source, 'source');
  const to = open(target, 'target');
  checkSameBlocks(OP, from.layout, to.layout);
  const pairs = readPairs(OP, blockMapping, from.layout.numBlocks, to.layout.numBlocks);
  return move(from.storage, to.storage, pairs);
}

async function move(
  from: KvStorage,
  to: KvStorage,
  pairs: readonly (readonly [number, number])[],
): Promise<void> {
  if (pairs.length === 0) return;
  const bytes = await from.readBlocks(pairs.map(([block]) => block));
  to.writeBlocks(
    pairs.map(([, block]) => block),
    bytes,
  );
}

function open(
  end: KvCache | HostKvBlocks,
  name: string,
): { layout: KvCacheLayout; storage: KvStorage } {
  if (end instanceof HostKvBlocks) return end;
  check(end instanceof KvCache, OP, `${name} must be a KvCache or HostKvBlocks, got ${typeof end}`);
  return { layout: end.layout, storage: end.storageFor(OP) };
}
