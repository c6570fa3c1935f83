import { expandDims, mul, reshape, tidy, transpose, type Tensor } from '@tensorflow/tfjs-core';
import { KvCache } from '../kv_cache/kv_cache.js';
import { MLAAttentionSpec } from '../kv_cache/spec.js';
import { check, checkInt, checkInt32Array, checkTensor, shapeText } from '../problem/checks.js';
import type { AttentionResult } from '../problem/options.js';
import type { AttentionPlan } from '../utils/plan_attention.js';
import { checkCache } from './blocks.js';
import { DS_MLA } from './fp8_ds_mla_bytes.js';
import { Fp8DsMlaCache } from './fp8_ds_mla_cache.js';
import { reshapeAndCacheFlash } from './reshape_and_cache_flash.js';
import { checkHandles, runPagedState } from './run_paged.js';
import { planSlots, slotAttention, type SlotAttentionOptions } from './slot_attention.js';

const OP = 'flashMlaWithKvcache';

export interface FlashMlaOptions extends Pick<
  SlotAttentionOptions,
  'softmaxScale' | 'implementation'
> {
  /** Default false; the last query of a sequence then meets its last key. Not with `indices`. */
  causal?: boolean;
  /** `[B, Sq, topk]` slots that each query token sees instead of its sequence; below 0 = none. */
  indices?: Int32Array;
}

/**
 * Attention over a latent cache (vLLM `flash_mla_with_kvcache`): `q` `[B, Sq, N, H]` float32, absorbed queries of latent
 * and rope lanes; the cache has one KV head of H lanes whose first Hv are the value. Returns output `[B, Sq, N, Hv]` and
 * lse `[B, N, Sq]`. The default scale is 1 / sqrt(H). `plan` has Sq tokens of B sequences; null with `indices`, by which
 * alone an {@link Fp8DsMlaCache} is read: its chosen tokens are dequantised once, whatever the number of heads.
 *
 * ```js
 * flashMlaWithKvcache(q, cache, null, {indices});  // indices [1, 1, 2] = [40, -1]: the one token sees slot 40
 * ```
 *
 * @throws InvalidArgumentError, DisposedError, BackendMismatchError, CapacityError.
 */
export function flashMlaWithKvcache(
  q: Tensor,
  cache: KvCache | Fp8DsMlaCache,
  plan: AttentionPlan | null,
  options: FlashMlaOptions = {},
): AttentionResult {
  const { indices, causal = false, ...rest } = options;
  checkTensor(q, OP, 'q', 4, '[B, Sq, N, H]');
  const [batch, queries, heads, size] = q.shape as [number, number, number, number];
  check(q.size > 0, OP, `q is empty ${shapeText(q.shape)}`);
  check(
    indices === undefined || (plan === null && !causal),
    OP,
    'indices say what each token sees: give them with plan null and without causal',
  );
  const [output, lse] = tidy(OP, () => {
    const packed = reshape(q, [batch * queries, heads, size]);
    const state =
      indices === undefined
        ? attendPlan(packed, cache, plan, [batch, queries], { ...rest, causal })
        : attendIndices(packed, cache, indices, rest);
    const rows = [batch, queries, heads];
    const both: Tensor[] = [
      reshape(state.output, [...rows, state.output.shape[2] as number]),
      transpose(reshape(state.lse, rows), [0, 2, 1]),
    ];
    return both;
  });
  return { output, lse };
}

function attendPlan(
  q: Tensor,
  cache: KvCache | Fp8DsMlaCache,
  plan: AttentionPlan | null,
  [batch, queries]: readonly [number, number],
  options: FlashMlaOptions,
): AttentionResult {
  check(
    !(cache instanceof Fp8DsMlaCache),
    OP,
    'an fp8_ds_mla cache is read by indices: give those, or take another cache',
  );
  checkLatent(cache);
  checkHandles(OP, cache, plan);
  const step = plan as AttentionPlan;
  check(
    step.numSeqs === batch && step.maxQueryLen === queries && step.numTokens === batch * queries,
    OP,
    `plan must have ${queries} tokens of each of ${batch} sequences, as q has`,
  );
  return runPagedState(OP, q, cache, step, options);
}

function attendIndices(
  q: Tensor,
  cache: KvCache | Fp8DsMlaCache,
  indices: Int32Array,
  options: SlotAttentionOptions,
): AttentionResult {
  const topk = topkOf(OP, indices, q);
  if (!(cache instanceof Fp8DsMlaCache)) {
    checkLatent(cache);
    return attendSlots(q, cache, indices, topk, options);
  }
  const chosen = chooseSlots(indices, cache.numSlots);
  const kv = expandDims(cache.gather(chosen.slots), 1);
  return attendRows(q, kv, chosen.rows, topk, DS_MLA.latent, options);
}

/** Slots that occur, each once, and the indices as places among them. There is always one. */
function chooseSlots(
  indices: Int32Array,
  numSlots: number,
): { slots: Int32Array; rows: Int32Array } {
  const places = new Map<number, number>();
  const rows = indices.map((slot) => {
    if (slot < 0 || slot >= numSlots) return -1;
    const place = places.get(slot) ?? places.size;
    places.set(slot, place);
    return place;
  });
  return { slots: Int32Array.from(places.size > 0 ? places.keys() : [-1]), rows };
}

/**
 * Attention of each token over chosen rows of latent keys that lie in a tensor (vLLM `flash_mla_sparse_prefill`): `q`
 * `[T, N, H]`, `kv` `[S, 1, H]`, `indices` `[T, 1, topk]` rows of kv (below 0 or from S on = none). Returns output
 * `[T, N, dV]` and lse `[T, N]` in powers of 2, as upstream's. What upstream returns beside, the largest logit, the kernels
 * here do not keep.
 *
 * @param dV lanes of kv that are the value. Default 512
 * @throws InvalidArgumentError; CapacityError where kv does not fit a cache.
 */
export function flashMlaSparsePrefill(
  q: Tensor,
  kv: Tensor,
  indices: Int32Array,
  smScale: number,
  dV = 512,
): AttentionResult {
  const op = 'flashMlaSparsePrefill';
  checkTensor(q, op, 'q', 3, '[T, N, H]');
  checkTensor(kv, op, 'kv', 3, '[S, 1, H]');
  const [, kvHeads, size] = kv.shape as [number, number, number];
  checkInt(dV, op, 'dV', 1, size);
  check(
    q.shape[2] === size && kvHeads === 1 && kv.size > 0 && q.size > 0,
    op,
    `q ${shapeText(q.shape)} and kv ${shapeText(kv.shape)} must be [T, N, H] and [S, 1, H] with the same H, neither empty`,
  );
  const topk = topkOf(op, indices, q);
  const { output, lse } = attendRows(q, kv, indices, topk, dV, { softmaxScale: smScale });
  const base2 = tidy(() => mul(lse, Math.LOG2E));
  lse.dispose();
  return { output, lse: base2 };
}

/** A cache for the length of one call. */
function attendRows(
  q: Tensor,
  kv: Tensor,
  indices: Int32Array,
  topk: number,
  valueHeadSize: number,
  options: SlotAttentionOptions,
): AttentionResult {
  const [rows, , headSize] = kv.shape as [number, number, number];
  const spec = new MLAAttentionSpec({ blockSize: 1, numKvHeads: 1, headSize, valueHeadSize });
  const cache = new KvCache(spec, { numBlocks: rows });
  try {
    reshapeAndCacheFlash(
      kv,
      null,
      cache,
      Int32Array.from({ length: rows }, (_, row) => row),
    );
    return attendSlots(q, cache, indices, topk, options);
  } finally {
    cache.dispose();
  }
}

function attendSlots(
  q: Tensor,
  cache: KvCache,
  indices: Int32Array,
  topk: number,
  options: SlotAttentionOptions,
): AttentionResult {
  const slots = planSlots(indices, topk, cache.numSlots);
  try {
    return slotAttention(q, cache, slots, { ...options, returnLse: true });
  } finally {
    slots.dispose();
  }
}

function topkOf(op: string, indices: Int32Array, q: Tensor): number {
  checkInt32Array(indices, op, 'indices', undefined, '[T, topk]');
  const tokens = q.shape[0];
  check(
    indices.length > 0 && indices.length % tokens === 0,
    op,
    `indices has ${indices.length} entries, not topk for each of ${tokens} tokens`,
  );
  return indices.length / tokens;
}

function checkLatent(cache: KvCache): void {
  checkCache(OP, cache);
  check(
    cache.layout.numKvHeads === 1,
    OP,
    `a latent cache has one KV head, this one has ${cache.layout.numKvHeads}`,
  );
}
