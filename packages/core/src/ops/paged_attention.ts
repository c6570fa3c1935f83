import { tidy, type Tensor } from '@tensorflow/tfjs-core';
import { composedPagedAttention } from '../composed/paged.js';
import { InvalidArgumentError, UnsupportedError } from '../errors.js';
import { runAttentionKernel } from '../kernels.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import type { AttentionOptions, AttentionResult } from '../problem/options.js';
import { describePaged } from '../problem/paged.js';
import { selectKernels, type KernelChoice, type Kernels } from '../selector/kernels.js';
import { AttentionPlan } from '../utils/plan_attention.js';
import { attentionResult } from './result.js';

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
  const storage = cache.storageFor(OP);
  return tidy(OP, () => {
    const { problem, tensors } = describePaged(OP, q, cache.layout, plan, {
      causal: true,
      ...options,
    });
    const kernels = paged(cache, selectKernels(OP, problem.spec, options.implementation), options);
    const results =
      kernels === 'FUSED'
        ? runAttentionKernel('TfjsAttnPaged', tensors, { problem, storage })
        : composedPagedAttention(problem, tensors, storage);
    return attentionResult(results, options.returnLse) as Tensor;
  });
}

/** A cache in host arrays can only be read by composed ops, whatever the spec allows. */
function paged(
  cache: KvCache,
  { kernels }: KernelChoice,
  { implementation }: AttentionOptions,
): Kernels {
  if (kernels === 'COMPOSED' || cache.fused) return kernels;
  if (implementation === 'FUSED') {
    throw new UnsupportedError(`${OP}: this cache lives in host arrays`, cache.reasons);
  }
  return 'COMPOSED';
}

/** The runtime twin of the types of cache and plan. */
export function checkHandles(op: string, cache: unknown, plan: unknown): void {
  if (!(cache instanceof KvCache)) {
    throw new InvalidArgumentError(`${op}: cache must be a KvCache, got ${typeof cache}`);
  }
  if (!(plan instanceof AttentionPlan)) {
    throw new InvalidArgumentError(
      `${op}: plan must come from planAttention(), got ${typeof plan}: raw metadata are validated once there`,
    );
  }
}
