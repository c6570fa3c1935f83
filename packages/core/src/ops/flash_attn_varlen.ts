import { concat, fill, reshape, slice, tidy, zeros, type Tensor } from '@tensorflow/tfjs-core';
import { check, checkTensor, shapeText } from '../problem/checks.js';
import { checkCuSeqlens } from '../problem/cu_seqlens.js';
import type { AttentionOptions, AttentionResult } from '../problem/options.js';
import { flashAttention } from './flash_attention.js';
import { attentionResult } from './result.js';

const OP = 'flashAttnVarlenFunc';

/** All options but bias and mask, whose axes sequences of different lengths do not share. */
export interface FlashAttnVarlenOptions extends Omit<AttentionOptions, 'bias' | 'mask'> {
  /** `[B + 1]` prefix sums: sequence b has query tokens cuSeqlensQ[b] to cuSeqlensQ[b + 1] - 1. */
  cuSeqlensQ: Int32Array;
  /** `[B + 1]` of its keys; default cuSeqlensQ. */
  cuSeqlensK?: Int32Array;
}

/**
 * Attention of packed sequences without a cache (FlashAttention `flash_attn_varlen_func`): q `[T, N, H]`, k `[S, K, H]`,
 * v `[S, K, Hv]`, float32; returns `[T, N, Hv]`, with `returnLse` also lse `[T, N]`. Not causal unless asked; then a
 * sequence's last query meets its last key. Neighbours of equal lengths run as one batch. A sequence without keys gives 0
 * and lse -Infinity. Gradients as `flashAttention`.
 *
 * ```js
 * // 3 and 1 tokens: token 3 sees itself alone
 * flashAttnVarlenFunc(q, k, v, {cuSeqlensQ: Int32Array.of(0, 3, 4), causal: true});
 * ```
 *
 * @throws InvalidArgumentError for prefix sums that fall or do not end with T and S, and whatever flashAttention refuses.
 */
export function flashAttnVarlenFunc(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: FlashAttnVarlenOptions & { returnLse: true },
): AttentionResult;
export function flashAttnVarlenFunc(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: FlashAttnVarlenOptions & { returnLse?: false },
): Tensor;
export function flashAttnVarlenFunc(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: FlashAttnVarlenOptions,
): Tensor | AttentionResult {
  const { cuSeqlensQ, cuSeqlensK = cuSeqlensQ, ...rest } = options;
  checkTensor(q, OP, 'q', 3, '[T, N, H]');
  checkTensor(k, OP, 'k', 3, '[S, K, H]');
  checkTensor(v, OP, 'v', 3, '[S, K, Hv]');
  checkCuSeqlens(OP, 'cuSeqlensQ', cuSeqlensQ, q.shape[0]);
  checkCuSeqlens(OP, 'cuSeqlensK', cuSeqlensK, k.shape[0]);
  check(q.shape[0] > 0, OP, `q is empty ${shapeText(q.shape)}: there must be a token`);
  check(
    cuSeqlensK.length === cuSeqlensQ.length,
    OP,
    `cuSeqlensK has ${cuSeqlensK.length} entries, cuSeqlensQ ${cuSeqlensQ.length}: both are [B + 1]`,
  );
  check(
    v.shape[0] === k.shape[0],
    OP,
    `v has ${v.shape[0]} tokens, k has ${k.shape[0]}: they must agree`,
  );
  const attend = (run: Run): Tensor[] => {
    const { count, queries, keys } = run;
    const shape = [count * queries, q.shape[1] as number];
    const valueShape = [...shape, v.shape[2] as number];
    if (keys === 0) return [zeros(valueShape), fill(shape, -Infinity)];
    const batch = (x: Tensor, start: number, length: number) =>
      reshape(slice(x, [start], [count * length]), [count, length, ...x.shape.slice(1)]);
    const { output, lse } = asState(
      flashAttention(
        batch(q, run.firstQuery, queries),
        batch(k, run.firstKey, keys),
        batch(v, run.firstKey, keys),
        rest,
      ),
    );
    return [reshape(output, valueShape), ...(lse ? [reshape(lse, shape)] : [])];
  };
  return tidy(OP, () => {
    const parts = runsOf(cuSeqlensQ, cuSeqlensK).map(attend);
    const join = (i: number) => concat(parts.map((part) => part[i]));
    const results =
      parts.length === 1 ? parts[0] : rest.returnLse === true ? [join(0), join(1)] : [join(0)];
    return attentionResult(results, rest.returnLse) as Tensor;
  });
}

function asState(result: Tensor | AttentionResult): { output: Tensor; lse?: Tensor } {
  return 'lse' in result ? result : { output: result };
}

/** Neighbouring sequences of equal lengths. */
interface Run {
  firstQuery: number;
  firstKey: number;
  count: number;
  queries: number;
  keys: number;
}

/** Sequences without queries are left out, and end a run if they have keys. */
function runsOf(cuSeqlensQ: Int32Array, cuSeqlensK: Int32Array): Run[] {
  const runs: Run[] = [];
  for (let b = 0; b + 1 < cuSeqlensQ.length; b++) {
    const queries = cuSeqlensQ[b + 1] - cuSeqlensQ[b];
    const keys = cuSeqlensK[b + 1] - cuSeqlensK[b];
    if (queries === 0) continue;
    const last = runs.at(-1);
    const isNext = last !== undefined && last.firstKey + last.count * last.keys === cuSeqlensK[b];
    if (isNext && last.queries === queries && last.keys === keys) last.count++;
    else
      runs.push({
        firstQuery: cuSeqlensQ[b],
        firstKey: cuSeqlensK[b],
        count: 1,
        queries,
        keys,
      });
  }
  return runs;
}
