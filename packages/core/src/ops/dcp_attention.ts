import { slice, tidy, type Tensor } from '@tensorflow/tfjs-core';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { getDcpLocalSeqLens } from '../metadata/dcp.js';
import type { CpGroup } from '../parallel/cp_group.js';
import { check, checkInt, checkTensor, shapeText } from '../problem/checks.js';
import type { AttentionOptions, AttentionResult } from '../problem/options.js';
import type { AttentionPlan } from '../utils/plan_attention.js';
import { cpLseAgOutRs, dcpA2aLseReduce, whileHeld } from './context_parallel.js';
import { flashAttnVarlenFunc, type FlashAttnVarlenOptions } from './flash_attn_varlen.js';
import { mergeAttnStates } from './merge_attn_states.js';
import { checkHandles, runPagedState } from './run_paged.js';
import { derivedPlan, subPlan } from './sub_plan.js';

export interface DcpAttentionOptions extends Pick<
  AttentionOptions,
  'softmaxScale' | 'logitsSoftCap' | 'sinks' | 'implementation'
> {
  /** Positions that a member takes in turn. Default 1. */
  interleave?: number;
  /** Default 'reduceScatter': gather lse, scatter outputs. 'allToAll': one exchange of both. The result is the same. */
  exchange?: 'reduceScatter' | 'allToAll';
}

const OP = 'dcpAttention';

/**
 * A step of a member whose cache has its share of the context (vLLM `FlashAttentionImpl._forward_with_dcp`): position t
 * lies with member floor(t / interleave) mod R. Queries of all members are gathered, each member attends them to its own
 * keys, and the states come together by lse; the step's own keys, which every member has, are attended without the cache.
 *
 * q `[T, N / R, H]`, this member's heads; k `[T, K, H]`, v `[T, K, Hv]` for all N heads; returns this member's
 * `[T, N / R, Hv]`, the caller's to dispose. `plan` has the lengths of whole sequences and this member's own block tables
 * and slots (`BlockTable` with `dcpWorldSize` makes them). No windows and no ALiBi: local keys know no distances.
 *
 * ```js
 * // 2 members, 5 keys of context: member 0 has positions 0 2 4, member 1 has 1 3; a query sees all 5 and the step's own
 * await dcpAttention(q, k, v, cache, plan, group);
 * ```
 *
 * @throws InvalidArgumentError, and all members reject.
 */
export async function dcpAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  group: CpGroup,
  options: DcpAttentionOptions = {},
): Promise<Tensor> {
  const { interleave = 1, exchange = 'reduceScatter', sinks, ...rest } = options;
  checkHandles(OP, cache, plan);
  cache.storageFor(OP);
  checkInt(interleave, OP, 'interleave', 1);
  checkTensor(q, OP, 'q', 3, '[T, N / R, H]');
  const heads = kvHeadsOf(k, v, q.shape[1] as number, cache, group);
  const { worldSize, rankInGroup } = group;
  const contextPlan = localContext(plan, worldSize, rankInGroup, interleave);
  contextPlan?.checkFor(OP, cache.layout);
  const attendOwn = (changes: AttentionOptions): Tensor | AttentionResult => {
    const own = (x: Tensor) => slice(x, [0, heads.first, 0], [-1, heads.count, -1]);
    const { queryStartLoc: cuSeqlensQ } = plan;
    const given: FlashAttnVarlenOptions = { ...rest, ...changes, cuSeqlensQ, causal: true };
    return flashAttnVarlenFunc(q, own(k), own(v), given as FlashAttnVarlenOptions & { returnLse?: false }); // prettier-ignore
  };
  if (contextPlan === null) return tidy(() => attendOwn({ sinks }) as Tensor);
  const context = await attendContext(q, cache, contextPlan, group, rest, exchange);
  return whileHeld([context.output, context.lse], () =>
    Promise.resolve(
      tidy(() => {
        const fresh = attendOwn({ returnLse: true }) as AttentionResult;
        return mergeAttnStates(context, fresh, { sinks }).output;
      }),
    ),
  );
}

/** All heads' queries over this member's keys, then this member's heads over all members' keys. */
async function attendContext(
  q: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  group: CpGroup,
  options: AttentionOptions,
  exchange: 'reduceScatter' | 'allToAll',
): Promise<AttentionResult> {
  const queries = await group.allGather(q, 1);
  const local = await whileHeld([queries], () =>
    Promise.resolve(runPagedState(OP, queries, cache, plan, { ...options, causal: false })),
  );
  const { output, lse } = local;
  const combine = exchange === 'allToAll' ? dcpA2aLseReduce : cpLseAgOutRs;
  return whileHeld([output, lse], () => combine(output, lse, group));
}

/** This member's keys before the step; null where no sequence has any, on any member. */
function localContext(
  plan: AttentionPlan,
  worldSize: number,
  rank: number,
  interleave: number,
): AttentionPlan | null {
  const { queryStartLoc, seqLens, numSeqs } = plan;
  const context = seqLens.map((length, b) => length - (queryStartLoc[b + 1] - queryStartLoc[b]));
  context.forEach((length, b) =>
    check(length >= 0, OP, () => `sequence ${b} has more new tokens than its ${seqLens[b]} keys`),
  );
  if (context.every((length) => length === 0)) return null;
  const all = Array.from({ length: numSeqs }, (_, b) => b);
  return derivedPlan(plan, `context of ${rank} of ${worldSize} by ${interleave}`, () =>
    subPlan(plan, all, { seqLens: getDcpLocalSeqLens(context, worldSize, rank, interleave) }),
  );
}

/** KV heads that this member's query heads read. */
function kvHeadsOf(
  k: Tensor,
  v: Tensor,
  localHeads: number,
  { layout }: KvCache,
  { worldSize, rankInGroup }: CpGroup,
): { first: number; count: number } {
  const { numKvHeads, headSize, valueHeadSize } = layout;
  for (const [name, x, size] of [
    ['k', k, headSize],
    ['v', v, valueHeadSize],
  ] as const) {
    checkTensor(x, OP, name, 3, '[T, K, H]');
    check(
      x.shape[1] === numKvHeads && x.shape[2] === size,
      OP,
      `${name} ${shapeText(x.shape)} must have the ${numKvHeads} heads of ${size} that the cache has`,
    );
  }
  const group = (localHeads * worldSize) / numKvHeads;
  check(
    localHeads % group === 0 || group % localHeads === 0,
    OP,
    `${localHeads} heads a member on ${worldSize} members share ${numKvHeads} KV heads unevenly: let members divide KV heads, or KV heads members`,
  );
  const first = Math.floor((rankInGroup * localHeads) / group);
  return { first, count: Math.max(1, localHeads / group) };
}
