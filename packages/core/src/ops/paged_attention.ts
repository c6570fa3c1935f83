import type { Tensor } from '@tensorflow/tfjs-core';
import type { KvCache } from '../kv_cache/kv_cache.js';
import type { AttentionOptions, AttentionResult } from '../problem/options.js';
import type { AttentionPlan } from '../utils/plan_attention.js';
import { checkHandles, runPaged } from './run_paged.js';

const OP = 'pagedAttention';

/**
 * Attention of a packed, ragged batch over a paged cache (Kwon et al., PagedAttention, 2023; vLLM `unified_attention`):
 * prefill chunks and decode tokens may be mixed. Write the new tokens with `reshapeAndCache` first.
 *
 * `q` `[T, N, H]` float32. Returns `[T, N, Hv]`, with `returnLse` also lse `[T, N]`. Causal unless `causal: false`, in
 * the sequences that the plan says are (the last query of a sequence meets its last key). `bias` and `mask` broadcast to `[N, T, S]`, S >= the longest
 * sequence.
 *
 * ```js
 * pagedAttention(q, cache, plan, {slidingWindow: 4096});  // one query token at position 9: sees keys 0-9
 * ```
 *
 * @throws InvalidArgumentError, DisposedError, BackendMismatchError, CapacityError: before anything ran.
 */
export function pagedAttention(
  q: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  options: AttentionOptions & { returnLse: true },
): AttentionResult;
export function pagedAttention(
  q: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  options?: AttentionOptions & { returnLse?: false },
): Tensor;
export function pagedAttention(
  q: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  options?: AttentionOptions,
): Tensor | AttentionResult;
export function pagedAttention(
  q: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  options: AttentionOptions = {},
): Tensor | AttentionResult {
  checkHandles(OP, cache, plan);
  return runPaged(OP, q, cache, plan, options);
}
