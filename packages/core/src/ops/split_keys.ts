import { concat, reshape, slice, tidy, tile, type Tensor } from '@tensorflow/tfjs-core';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { check } from '../problem/checks.js';
import type { AttentionOptions, AttentionResult, PerHead } from '../problem/options.js';
import { planAttention, type AttentionPlan } from '../utils/plan_attention.js';
import { mergeAttnStates } from './merge_attn_states.js';
import { checkHandles, runPagedState } from './run_paged.js';
import { derivedPlan } from './sub_plan.js';

/** Keys of a decode step, cut: part i of sequence b has keys i * partLens[b] to (i + 1) * partLens[b] - 1. */
export interface KeyParts {
  readonly numParts: number;
  /** `[B]` multiples of the block size. */
  readonly partLens: Int32Array;
}

/** The same number of keys in every part, whole blocks. */
export function partsOf(
  { numSeqs, maxSeqLen }: AttentionPlan,
  blockSize: number,
  partLen: number,
): KeyParts {
  const whole = Math.ceil(partLen / blockSize) * blockSize;
  return {
    numParts: Math.max(1, Math.ceil(maxSeqLen / whole)),
    partLens: new Int32Array(numSeqs).fill(whole),
  };
}

/** Handles are alive and fit, and every sequence brings one query token. */
export function checkDecode(op: string, cache: KvCache, plan: AttentionPlan): void {
  checkHandles(op, cache, plan);
  cache.storageFor(op);
  plan.checkFor(op, cache.layout);
  check(
    plan.maxQueryLen === 1 && plan.numTokens === plan.numSeqs,
    op,
    `every sequence must bring one query token, the plan has ${plan.numTokens} tokens of ${plan.numSeqs} sequences`,
  );
}

/**
 * A state a part, of one call over all parts: output `[parts * B, N, Hv]`, lse `[parts * B, N]`, part by part. A part is a
 * sequence of its own, whose query stands behind its keys.
 */
export function attendParts(
  op: string,
  q: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  parts: KeyParts,
  options: AttentionOptions,
): AttentionResult {
  const { numParts, partLens } = parts;
  const name = `${numParts} parts of ${partLens.join(' ')} keys`;
  const split = derivedPlan(plan, name, () => partPlan(plan, parts, cache.layout.blockSize));
  return tidyState(() => runPagedState(op, tile(q, [numParts, 1, 1]), cache, split, options));
}

/** States of `numParts` parts, merged pair by pair; sinks join the last merge. */
export function reduceParts(
  { output, lse }: AttentionResult,
  numParts: number,
  sinks?: PerHead,
): AttentionResult {
  return tidyState(() => {
    let states = [output, lse].map((x) => reshape(x, [numParts, -1, ...x.shape.slice(1)]));
    for (let count = numParts; count > 1; count = Math.ceil(count / 2)) {
      const half = Math.floor(count / 2);
      const at = (from: number, length: number): AttentionResult => {
        const [o, l] = states.map((x) => slice(x, [from], [length]));
        return { output: o, lse: l };
      };
      const isLast = count === 2;
      const merged = mergeAttnStates(at(0, half), at(half, half), isLast ? { sinks } : {});
      const rest = at(2 * half, count - 2 * half);
      states =
        count % 2 === 0
          ? [merged.output, merged.lse]
          : [concat([merged.output, rest.output]), concat([merged.lse, rest.lse])];
    }
    const [o, l] = states.map((x) => reshape(x, x.shape.slice(1)));
    return { output: o, lse: l };
  });
}

function partPlan(
  { numSeqs, seqLens, queryOffsets, blockTables, maxBlocksPerSeq: width }: AttentionPlan,
  { numParts, partLens }: KeyParts,
  blockSize: number,
): AttentionPlan {
  const parts = Array.from({ length: numParts * numSeqs }, (_, i) => {
    const b = i % numSeqs;
    const from = Math.floor(i / numSeqs) * partLens[b];
    return {
      length: Math.min(Math.max(0, seqLens[b] - from), partLens[b]),
      offset: queryOffsets[b] - from,
      table: blockTables.subarray(b * width + Math.min(from / blockSize, width), (b + 1) * width),
    };
  });
  return planAttention({
    queryStartLoc: Int32Array.from({ length: parts.length + 1 }, (_, i) => i),
    seqLens: Int32Array.from(parts, ({ length }) => length),
    queryOffset: Int32Array.from(parts, ({ offset }) => offset),
    blockTables: parts.map(({ table }) => table),
  });
}

/** `tidy` for a state, whose type tfjs does not know as a container. */
export function tidyState(make: () => AttentionResult): AttentionResult {
  const [output, lse] = tidy(() => {
    const state = make();
    return [state.output, state.lse];
  });
  return { output, lse };
}
