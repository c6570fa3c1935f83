import { tidy, type Tensor } from '@tensorflow/tfjs-core';
import { gatherSlots, slotsOf } from '../kv_cache/access.js';
import type { KvCache } from '../kv_cache/kv_cache.js';
import type { AttentionPlan } from '../utils/plan_attention.js';
import { checkHandles } from './run_paged.js';

const OP = 'gatherCache';

/**
 * The keys and values that a plan's block tables name, dequantised and packed one sequence after another (vLLM
 * `gather_cache`): key `[sum(seqLens), K, H]`, value `[sum(seqLens), K, Hv]`, float32.
 *
 * ```js
 * gatherCache(cache, plan);  // seqLens [2, 3]: rows 0-1 are sequence 0, rows 2-4 sequence 1
 * ```
 *
 * @throws InvalidArgumentError, DisposedError, BackendMismatchError, CapacityError.
 */
export function gatherCache(cache: KvCache, plan: AttentionPlan): { key: Tensor; value: Tensor } {
  checkHandles(OP, cache, plan);
  const storage = cache.storageFor(OP);
  plan.checkFor(OP, cache.layout);
  return tidy(() => {
    const gathered = gatherSlots(storage, slotsOf(plan, cache.layout.blockSize));
    const [key, value] = gathered.map((x) => cache.rotation?.turnBack(x) ?? x);
    return { key, value };
  });
}
