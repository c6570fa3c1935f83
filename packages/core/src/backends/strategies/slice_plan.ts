import type { AttentionPlan } from '../../utils/plan_attention.js';
import type { PagedMetadataOptions } from './paged_metadata.js';

/** Requests first to end - 1 of a plan as a step of their own, for reading: no slots. */
export function slicePlan(plan: AttentionPlan, first: number, end: number): PagedMetadataOptions {
  const { queryStartLoc, maxBlocksPerSeq, causalFlags } = plan;
  const start = queryStartLoc[first];
  return {
    queryStartLoc: queryStartLoc.slice(first, end + 1).map((token) => token - start),
    seqLens: plan.seqLens.subarray(first, end),
    blockTables: plan.blockTables.subarray(first * maxBlocksPerSeq, end * maxBlocksPerSeq),
    queryOffset: plan.queryOffsets.subarray(first, end),
    rswaPrefixLens: plan.rswaPrefixLens?.subarray(first, end),
    ...(plan.mmRanges && { mmPrefixRanges: rangesOf(plan.mmRanges, first, end) }),
    ...(causalFlags && { causal: causalFlags[first] !== 0 }),
  };
}

/** Ranges of some requests, out of the form that kernels read. */
function rangesOf(mmRanges: Int32Array, first: number, end: number): [number, number][][] {
  return Array.from({ length: end - first }, (_, i) => {
    const ranges: [number, number][] = [];
    for (let at = mmRanges[first + i]; at < mmRanges[first + i + 1]; at += 2) {
      ranges.push([mmRanges[at], mmRanges[at + 1]]);
    }
    return ranges;
  });
}
