import type { HostKvBlocks, KvCache } from '@tfjs-attention/core';
import { reshapeAndCache } from '@tfjs-attention/core';
import { fillCache, twinOf } from '../cache_bytes.js';
import { inScope, writeTwin } from '../in_scope.js';
import { makeCache, makePaged, type PagedCase, type PagedData } from '../paged_case.js';
import type { Spec, Subject } from '../subject.js';

/** A step over pages that an op is tried on. */
export interface Pages {
  readonly data: PagedData;
  readonly cache: KvCache;
  readonly twin: HostKvBlocks;
  readonly subject: Subject;
}

/** Lays a case's keys into a cache that held bytes that read as NaN before, and into its twin, then tries an op on it. */
export function onPages(c: PagedCase, attempt: (pages: Pages) => Promise<void>): Spec {
  return {
    name: c.name,
    run: (subject) =>
      inScope(async () => {
        const data = makePaged(c);
        const cache = makeCache(c, data.numBlocks);
        try {
          const twin = twinOf(cache);
          await fillCache(cache, twin, 0xff);
          const { k, v, writePlan } = data;
          reshapeAndCache(k, v, cache, writePlan);
          await writeTwin(twin, k, v, writePlan.slotMapping as Int32Array);
          await attempt({ data, cache, twin, subject });
        } finally {
          cache.dispose();
          data.plan.dispose();
          data.writePlan.dispose();
        }
      }),
  };
}
