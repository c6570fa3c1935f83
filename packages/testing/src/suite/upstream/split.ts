import {
  mergeAttnStates,
  pagedAttention,
  planAttention,
  reshapeAndCache,
  type AttentionPlan,
} from '@tfjs-attention/core';
import { expectedPaged, makeCache, makePaged, runPaged, type PagedCase } from '../paged_case.js';
import { twinOf } from '../cache_bytes.js';
import { inScope, writeTwin } from '../in_scope.js';
import { readState } from '../read_state.js';
import { implementationOf, type Spec } from '../subject.js';
import { assertExpected } from '../tolerance.js';

/**
 * Keys `from` (a multiple of the block size) to `to` - 1 of every sequence as a batch of its own: positions are counted
 * from the part's first key.
 */
export function planPart(
  plan: AttentionPlan,
  blockSize: number,
  from: number,
  to: number,
): AttentionPlan {
  const { numSeqs, maxBlocksPerSeq, queryStartLoc } = plan;
  const skipped = from / blockSize;
  return planAttention({
    queryStartLoc,
    seqLens: plan.seqLens.map((length) => Math.max(0, Math.min(length, to) - from)),
    queryOffset: plan.queryOffsets.map((offset) => offset - from),
    blockTables: Array.from({ length: numSeqs }, (_, b) =>
      plan.blockTables.slice(b * maxBlocksPerSeq + skipped, (b + 1) * maxBlocksPerSeq),
    ),
  });
}

/** Attention over two halves of the keys, merged by lse with the sinks at the end, is attention over all of them. */
export function splitSpec(c: PagedCase): Spec {
  return {
    name: c.name,
    run: (subject) =>
      inScope(async () => {
        const data = makePaged(c);
        const cache = makeCache(c, data.numBlocks);
        const twin = twinOf(cache);
        const { k, v, q, plan, writePlan, made } = data;
        reshapeAndCache(k, v, cache, writePlan);
        await writeTwin(twin, k, v, writePlan.slotMapping as Int32Array);
        const expected = await expectedPaged(c, data, twin);
        assertExpected(await runPaged(data, cache, subject), expected);

        const { sinks, ...rest } = made.options;
        const implementation = implementationOf(subject);
        const options = { ...rest, implementation, returnLse: true } as const;
        const middle = Math.ceil(plan.maxSeqLen / 2 / c.blockSize) * c.blockSize;
        const bounds = [0, middle, plan.maxSeqLen];
        const [head, tail] = [0, 1].map((part) => {
          const partPlan = planPart(plan, c.blockSize, bounds[part], bounds[part + 1]);
          return pagedAttention(q, cache, partPlan, options);
        });
        const merged = await readState(mergeAttnStates(head, tail, { sinks }));
        cache.dispose();
        assertExpected(merged, expected, 2);
      }),
  };
}
