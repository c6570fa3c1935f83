import { tidy, type Tensor } from '@tensorflow/tfjs-core';
import { writeSlots } from '../kv_cache/access.js';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { check, checkTensor, shapeText } from '../problem/checks.js';
import type { AttentionPlan } from '../utils/plan_attention.js';
import { checkHandles } from './run_paged.js';

const OP = 'reshapeAndCache';

/**
 * Writes new keys and values into a cache, in place (vLLM `reshape_and_cache_flash`): token t of `k` `[T, K, H]` and
 * `v` `[T, K, Hv]`, float32, goes to slot `plan.slotMapping[t]`, stored in the cache's dtype; slot -1 is left out.
 * `v` is null where values are in the keys (MLA).
 *
 * ```js
 * reshapeAndCache(k, v, cache, plan);  // slotMapping [16, -1] with blocks of 16: token 0 opens block 1, token 1 is dropped
 * ```
 *
 * @throws InvalidArgumentError, DisposedError, BackendMismatchError: the cache's bytes are then unchanged.
 */
export function reshapeAndCache(
  k: Tensor,
  v: Tensor | null,
  cache: KvCache,
  plan: AttentionPlan,
): void {
  checkHandles(OP, cache, plan);
  const storage = cache.storageFor(OP);
  const { numKvHeads, headSize, valueHeadSize, valueInKey } = cache.layout;
  checkShape('k', k, [plan.numTokens, numKvHeads, headSize], '[T, K, H]');
  if (valueInKey) {
    check(
      v === null,
      OP,
      'v must be null: the values of this cache are the first lanes of its keys',
    );
  } else {
    checkShape('v', v as Tensor, [plan.numTokens, numKvHeads, valueHeadSize], '[T, K, Hv]');
  }
  check(
    plan.slotMapping !== undefined,
    OP,
    'the plan has no slotMapping; give it to planAttention',
  );
  plan.checkFor(OP, cache.layout);
  const { rotation } = cache;
  tidy(() => {
    const [keys, values] = [k, v ?? undefined].map((x) => x && (rotation?.turn(x) ?? x));
    writeSlots(storage, keys ?? k, values, plan as AttentionPlan & { slotMapping: Int32Array });
  });
}

function checkShape(name: string, tensor: Tensor, wanted: number[], axes: string): void {
  checkTensor(tensor, OP, name, 3, axes);
  check(
    tensor.shape.every((size, axis) => size === wanted[axis]),
    OP,
    () =>
      `${name} must be ${axes} = ${shapeText(wanted)} for this cache and plan, got ${shapeText(tensor.shape)}`,
  );
}
