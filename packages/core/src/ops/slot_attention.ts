import type { Tensor } from '@tensorflow/tfjs-core';
import type { KvCache } from '../kv_cache/kv_cache.js';
import type { KvCacheLayout } from '../kv_cache/layout.js';
import { check, checkInt, checkInt32Array } from '../problem/checks.js';
import type { AttentionOptions, AttentionResult } from '../problem/options.js';
import { planAttention, type AttentionPlan } from '../utils/plan_attention.js';
import { checkHandles, runPaged } from './run_paged.js';

/** What still means something where keys are a set: no order, no distance. */
export type SlotAttentionOptions = Pick<
  AttentionOptions,
  'softmaxScale' | 'logitsSoftCap' | 'sinks' | 'returnLse' | 'implementation'
>;

/** A plan whose sequences are single query tokens over slots of their own. */
export interface SlotPlan {
  readonly plan: AttentionPlan;
  /** Slots that indices were counted in. */
  readonly numSlots: number;
  dispose(): void;
}

/**
 * Lists of slots as a batch: query token t sees the keys in slots `indices[t * topk]` to `indices[(t + 1) * topk - 1]`;
 * an index below 0 or from `numSlots` on is none. Dispose it after use.
 *
 * ```js
 * planSlots(Int32Array.of(5, -1, 9, 2), 2, cache.numSlots);  // token 0 sees slot 5, token 1 slots 9 and 2
 * ```
 *
 * @throws InvalidArgumentError where the number of indices is no multiple of topk.
 */
export function planSlots(indices: Int32Array, topk: number, numSlots: number): SlotPlan {
  const op = 'planSlots';
  checkInt32Array(indices, op, 'indices', undefined, '[T, topk]');
  checkInt(topk, op, 'topk', 1);
  checkInt(numSlots, op, 'numSlots', 1);
  check(
    indices.length > 0 && indices.length % topk === 0,
    op,
    `indices has ${indices.length} entries: [T, topk] needs a positive multiple of topk = ${topk}`,
  );
  const numTokens = indices.length / topk;
  const seqLens = new Int32Array(numTokens);
  const slots = new Int32Array(indices.length);
  for (let t = 0; t < numTokens; t++) {
    for (let i = t * topk; i < (t + 1) * topk; i++) {
      const slot = indices[i];
      if (slot >= 0 && slot < numSlots) slots[t * topk + seqLens[t]++] = slot;
    }
  }
  const plan = planAttention({
    queryStartLoc: Int32Array.from({ length: numTokens + 1 }, (_, t) => t),
    seqLens,
    blockTables: slots,
  });
  return { plan, numSlots, dispose: () => plan.dispose() };
}

/**
 * Attention of each query token over slots of its own (sparse attention over chosen tokens; DeepSeek-V3.2): the cache's
 * bytes seen as blocks of one token, so a list of slots is a block table and the kernels are those of `pagedAttention`.
 * `q` `[T, N, H]` float32; returns `[T, N, Hv]`, with `returnLse` also lse `[T, N]`. A token without slots gives 0 and
 * -Infinity; a slot that occurs twice counts twice.
 *
 * @throws InvalidArgumentError, DisposedError, BackendMismatchError.
 */
export function slotAttention(
  q: Tensor,
  cache: KvCache,
  slots: SlotPlan,
  options: SlotAttentionOptions & { returnLse: true },
): AttentionResult;
export function slotAttention(
  q: Tensor,
  cache: KvCache,
  slots: SlotPlan,
  options?: SlotAttentionOptions & { returnLse?: false },
): Tensor;
export function slotAttention(
  q: Tensor,
  cache: KvCache,
  slots: SlotPlan,
  options: SlotAttentionOptions = {},
): Tensor | AttentionResult {
  const op = 'slotAttention';
  checkHandles(op, cache, slots?.plan);
  check(
    slots.numSlots === cache.numSlots,
    op,
    `the slots were planned for ${slots.numSlots}, the cache has ${cache.numSlots}`,
  );
  const layout = singleTokenBlocks(cache.layout);
  return runPaged(op, q, cache, slots.plan, { ...options, causal: false }, layout);
}

/** The same bytes in blocks of one token. */
function singleTokenBlocks(layout: KvCacheLayout): KvCacheLayout {
  return { ...layout, numBlocks: layout.numBlocks * layout.blockSize, blockSize: 1 };
}
