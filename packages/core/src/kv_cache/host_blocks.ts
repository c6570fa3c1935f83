import { check, checkInt } from '../problem/checks.js';
import { HostKvStorage } from './host_storage.js';
import { KvCache } from './kv_cache.js';
import type { KvCacheLayout } from './layout.js';

/** Blocks in host memory, in a cache's own stored format: where `swapBlocks` parks sequences that wait. */
export class HostKvBlocks {
  readonly layout: KvCacheLayout;
  readonly storage: HostKvStorage;

  /** Room for `numBlocks` blocks of `cache`'s geometry and dtype. */
  constructor(cache: KvCache, numBlocks: number) {
    check(cache instanceof KvCache, 'HostKvBlocks', 'the first argument must be a KvCache');
    checkInt(numBlocks, 'HostKvBlocks', 'numBlocks', 1);
    this.layout = { ...cache.layout, numBlocks };
    this.storage = new HostKvStorage(this.layout);
  }

  get bytes(): number {
    return this.storage.bytes;
  }
}
