import { concat, tidy, zeros, type Tensor } from '@tensorflow/tfjs-core';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { check, checkTensor, shapeText } from '../problem/checks.js';
import { cuSeqlensOf } from '../problem/cu_seqlens.js';
import type { AttentionOptions, PerHead } from '../problem/options.js';
import type { AttentionPlan } from '../utils/plan_attention.js';
import { flashAttnVarlenFunc } from './flash_attn_varlen.js';
import { mergeAttnStates } from './merge_attn_states.js';
import { checkHandles, runPaged, runPagedState } from './run_paged.js';
import { derivedPlan, subPlan, tokensOf } from './sub_plan.js';
import { takeRows } from './take_rows.js';

/** What both parts of a step are attended with. */
export interface ContextAttentionOptions extends Pick<
  AttentionOptions,
  'softmaxScale' | 'logitsSoftCap' | 'alibiSlopes' | 'slidingWindow' | 'implementation'
> {
  sinks?: PerHead;
  /** Leave requests of one query token out: their rows are 0. Default false. */
  skipDecode?: boolean;
}

const OP = 'contextAttentionFwd';

/**
 * Prefill behind a cached context (vLLM `prefix_prefill.context_attention_fwd`): the keys before this step are read from
 * `cache`, this step's from `k` `[T, K, H]` and `v` `[T, K, Hv]`, which an 8-bit cache has not rounded; the two states
 * are merged. `q` `[T, N, H]`, all float32; returns `[T, N, Hv]`. Causal. `plan.seqLens` count the new tokens too. The
 * default scale is 1 / sqrt(H).
 *
 * ```js
 * // 3 new tokens behind 5: blocks hold keys 0-4, k and v keys 5-7; whatever lies in the blocks from key 5 on is not read
 * contextAttentionFwd(q, k, v, cache, plan);
 * ```
 *
 * @throws InvalidArgumentError, DisposedError, BackendMismatchError, CapacityError.
 */
export function contextAttentionFwd(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  options: ContextAttentionOptions = {},
): Tensor {
  checkStep(OP, q, k, v, cache, plan);
  const { skipDecode = false, ...rest } = options;
  const all = Array.from({ length: plan.numSeqs }, (_, b) => b);
  const chosen = skipDecode ? all.filter((b) => queryLen(plan, b) > 1) : all;
  return tidy(OP, () => {
    const empty = () => zeros([plan.numTokens, q.shape[1] as number, cache.layout.valueHeadSize]);
    if (chosen.length === 0) return empty();
    if (chosen.length === all.length) return attendBoth(q, k, v, cache, plan, all, rest);
    const rows = tokensOf(plan, chosen);
    const [qs, ks, vs] = [q, k, v].map((x) => takeRows(x, rows));
    const output = attendBoth(qs, ks, vs, cache, plan, chosen, rest);
    return spread(plan.numTokens, [
      { rows, output },
      { rows: others(plan, rows), output: null },
    ]);
  });
}

/**
 * A mixed step (vLLM `chunked_prefill_paged_decode`): requests of several query tokens as {@link contextAttentionFwd},
 * those of one from the cache alone. Write the step into the cache first. Shapes, options and errors as there.
 */
export function chunkedPrefillPagedDecode(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  options: Omit<ContextAttentionOptions, 'skipDecode'> = {},
): Tensor {
  const op = 'chunkedPrefillPagedDecode';
  checkStep(op, query, key, value, cache, plan);
  const decodes: number[] = [];
  const prefills: number[] = [];
  for (let b = 0; b < plan.numSeqs; b++) {
    if (queryLen(plan, b) > 0) (queryLen(plan, b) > 1 ? prefills : decodes).push(b);
  }
  if (prefills.length === 0) return runPaged(op, query, cache, plan, options) as Tensor;
  if (decodes.length === 0) return contextAttentionFwd(query, key, value, cache, plan, options);
  return tidy(op, () => {
    const decodeRows = tokensOf(plan, decodes);
    const prefillRows = tokensOf(plan, prefills);
    const [qs, ks, vs] = [query, key, value].map((x) => takeRows(x, prefillRows));
    const decodePlan = derivedPlan(plan, 'decodes', () => subPlan(plan, decodes));
    const decoded = runPaged(op, takeRows(query, decodeRows), cache, decodePlan, options) as Tensor;
    return spread(plan.numTokens, [
      { rows: prefillRows, output: attendBoth(qs, ks, vs, cache, plan, prefills, options) },
      { rows: decodeRows, output: decoded },
    ]);
  });
}

/** Chosen sequences of a plan, whose tokens are all that q, k and v hold. */
function attendBoth(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  chosen: readonly number[],
  { sinks, ...rest }: Omit<ContextAttentionOptions, 'skipDecode'>,
): Tensor {
  const cuSeqlensQ = cuSeqlensOf(chosen.map((b) => queryLen(plan, b)));
  const contextLens = Int32Array.from(chosen, (b) => plan.seqLens[b] - queryLen(plan, b));
  const own = { ...rest, cuSeqlensQ, causal: true };
  if (contextLens.every((length) => length === 0)) {
    return flashAttnVarlenFunc(q, k, v, { ...own, sinks });
  }
  const name = chosen.length === plan.numSeqs ? 'context' : 'context of prefills';
  const contextPlan = derivedPlan(plan, name, () =>
    subPlan(plan, chosen, { seqLens: contextLens, queryOffset: contextLens }),
  );
  const context = runPagedState(OP, q, cache, contextPlan, rest);
  const fresh = flashAttnVarlenFunc(q, k, v, { ...own, returnLse: true });
  return mergeAttnStates(context, fresh, { sinks }).output;
}

function checkStep(
  op: string,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
): void {
  checkHandles(op, cache, plan);
  cache.storageFor(op);
  plan.checkFor(op, cache.layout);
  const { numKvHeads, headSize, valueHeadSize } = cache.layout;
  checkTensor(q, op, 'q', 3, '[T, N, H]');
  checkTensor(k, op, 'k', 3, '[T, K, H]');
  checkTensor(v, op, 'v', 3, '[T, K, Hv]');
  const wanted: readonly [string, Tensor, number[]][] = [
    ['q', q, [q.shape[1] as number, headSize]],
    ['k', k, [numKvHeads, headSize]],
    ['v', v, [numKvHeads, valueHeadSize]],
  ];
  for (const [name, x, axes] of wanted) {
    const shape = shapeText([plan.numTokens, ...axes]);
    check(
      shapeText(x.shape) === shape,
      op,
      () => `${name} must be ${shape} for this cache and plan, got ${shapeText(x.shape)}`,
    );
  }
  check(
    plan.causalFlags === undefined &&
      plan.rswaPrefixLens === undefined &&
      plan.mmRanges === undefined,
    op,
    'every request must be causal, without ranges or prefixes: pagedAttention serves those',
  );
  plan.seqLens.forEach((length, b) => {
    const context = length - queryLen(plan, b);
    check(
      context >= 0 && plan.queryOffsets[b] === context,
      op,
      `sequence ${b} has ${queryLen(plan, b)} new tokens at position ${plan.queryOffsets[b]} of ${length} keys: ` +
        'they must be its last',
    );
  });
}

function queryLen({ queryStartLoc }: AttentionPlan, b: number): number {
  return queryStartLoc[b + 1] - queryStartLoc[b];
}

function others({ numTokens }: AttentionPlan, rows: Int32Array): Int32Array {
  const taken = new Set(rows);
  return Int32Array.from(
    Array.from({ length: numTokens }, (_, t) => t).filter((t) => !taken.has(t)),
  );
}

/** Rows of parts back in their places; a part without output is 0. */
function spread(
  numTokens: number,
  parts: readonly { rows: Int32Array; output: Tensor | null }[],
): Tensor {
  const size = parts.find(({ output }) => output !== null)?.output?.shape.slice(1) ?? [];
  const joined = concat(parts.map(({ rows, output }) => output ?? zeros([rows.length, ...size])));
  const places = new Int32Array(numTokens);
  let next = 0;
  for (const { rows } of parts) for (const token of rows) places[token] = next++;
  return takeRows(joined, places);
}
