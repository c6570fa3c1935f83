import type { Tensor } from '@tensorflow/tfjs-core';
import type { KvCache } from '../../kv_cache/kv_cache.js';
import { mergeAttnStates } from '../../ops/merge_attn_states.js';
import { pagedAttention } from '../../ops/paged_attention.js';
import { check } from '../../problem/checks.js';
import type { AttentionOptions } from '../../problem/options.js';
import type { FlashAttentionMetadata } from './flash_attn_metadata.js';

const OP = 'cascadeAttention';

/** What looks at positions: in a half of the keys they are others. */
const UNSPLITTABLE = [
  ...(['alibiSlopes', 'slidingWindow', 'windowLeft', 'windowRight', 'chunkSize'] as const),
  ...(['rswaPrefixLen', 'bias', 'mask', 'qqBias'] as const),
] as const;

/**
 * Attention of a batch whose requests share a prefix (vLLM `cascade_attention`; Ye et al., Cascade Inference, 2024): the
 * prefix once for all T queries without a causal rule, what follows for each request, merged by lse. `query` `[T, N, H]`
 * gives `[T, N, Hv]`. Equal to plain attention up to rounding. Sinks join at the merge.
 *
 * @throws InvalidArgumentError for metadata without a common prefix, and with ALiBi or a window: the halves would have to
 *   know their distance.
 */
export function cascadeAttention(
  query: Tensor,
  kvCache: KvCache,
  metadata: FlashAttentionMetadata,
  options: AttentionOptions,
): Tensor {
  const plans = metadata.cascade;
  check(plans !== null, OP, 'the metadata have no common prefix; build them with commonPrefixLen');
  for (const name of UNSPLITTABLE) {
    check(options[name] === undefined, OP, `${name} cannot be split at a prefix; use no cascade`);
  }
  const { sinks, ...rest } = options;
  const prefix = pagedAttention(query, kvCache, plans.prefix, {
    ...rest,
    causal: false,
    returnLse: true,
  });
  const suffix = pagedAttention(query, kvCache, plans.suffix, {
    ...rest,
    causal: true,
    returnLse: true,
  });
  return mergeAttnStates(prefix, suffix, sinks === undefined ? {} : { sinks }).output;
}
