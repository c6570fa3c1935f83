import { slice, tidy, type Tensor } from '@tensorflow/tfjs-core';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { check, checkInt32Array, checkTensor } from '../problem/checks.js';
import { checkCache } from './blocks.js';
import { reshapeAndCache } from './reshape_and_cache.js';
import { slotPlan } from './slot_plan.js';

const OP = 'reshapeAndCacheFlash';

/**
 * Writes tokens to slots (vLLM `reshape_and_cache_flash`): as `reshapeAndCache`, with slots instead of a plan. As many
 * tokens as `slotMapping` has; `key` `[T, K, H]` and `value` `[T, K, Hv]` may be longer. Within a step give layers one plan
 * and `reshapeAndCache`: a plan's slots are uploaded once. `value` is null where values are in the keys (MLA).
 *
 * ```js
 * reshapeAndCacheFlash(key, value, cache, Int32Array.of(16, -1));  // of 3 tokens: the first to slot 16, the others nowhere
 * ```
 *
 * @throws InvalidArgumentError, DisposedError, BackendMismatchError: the cache's bytes are then unchanged.
 */
export function reshapeAndCacheFlash(
  key: Tensor,
  value: Tensor | null,
  cache: KvCache,
  slotMapping: Int32Array,
): void {
  checkCache(OP, cache);
  checkInt32Array(slotMapping, OP, 'slotMapping', undefined, '[T]');
  const numTokens = slotMapping.length;
  check(numTokens > 0, OP, 'slotMapping is empty: there is nothing to write');
  const head = (name: string, x: Tensor): Tensor => {
    checkTensor(x, OP, name, 3, '[T, K, H]');
    check(
      x.shape[0] >= numTokens,
      OP,
      `${name} has ${x.shape[0]} tokens, slotMapping ${numTokens}: there must be a token for every slot`,
    );
    return x.shape[0] === numTokens ? x : slice(x, [0], [numTokens]);
  };
  const plan = slotPlan(slotMapping);
  try {
    tidy(OP, () => {
      reshapeAndCache(head('key', key), value && head('value', value), cache, plan);
    });
  } finally {
    plan.dispose();
  }
}

/** The same under the name of vLLM's Triton kernel: storage has one layout, so there is one way to write it. */
export const tritonReshapeAndCacheFlash = reshapeAndCacheFlash;
