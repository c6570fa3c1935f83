import { concat, reshape, slice, type Tensor } from '@tensorflow/tfjs-core';
import { flashAttention } from '../../ops/flash_attention.js';
import { check } from '../../problem/checks.js';
import type { AttentionOptions } from '../../problem/options.js';
import type { AttentionPlan } from '../../utils/plan_attention.js';

/**
 * Attention of packed requests to themselves, without a cache: `query` `[T, N, H]`, `key` `[T, K, H]`, `value`
 * `[T, K, Hv]`, requests apart by `queryStartLoc`; a mask is `[N or 1, T, S]`. Returns `[T, N, Hv]`.
 */
export function encoderAttention(
  op: string,
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { queryStartLoc, numSeqs, numTokens, maxQueryLen }: AttentionPlan,
  options: AttentionOptions & { returnLse?: false },
): Tensor {
  for (const [name, x] of Object.entries({ key, value })) {
    check(
      x.shape[0] >= numTokens,
      op,
      `${name} has ${x.shape[0]} tokens, the metadata have ${numTokens}`,
    );
  }
  const rows = (x: Tensor, start: number, sequences: number, length: number): Tensor =>
    reshape(slice(x, [start], [sequences * length]), [sequences, length, ...x.shape.slice(1)]);
  const { mask } = options;
  const attend = (start: number, sequences: number, length: number): Tensor => {
    const [q, k, v] = [query, key, value].map((x) => rows(x, start, sequences, length));
    const own = mask && { mask: slice(mask, [0, start, 0], [mask.shape[0], length, length]) };
    const out = flashAttention(q, k, v, { ...options, ...own });
    return reshape(out, [sequences * length, ...out.shape.slice(2)]);
  };
  const alike = numSeqs * maxQueryLen === numTokens;
  if (alike && mask === undefined) return attend(0, numSeqs, maxQueryLen);
  const parts: Tensor[] = [];
  for (let b = 0; b < numSeqs; b++) {
    const length = queryStartLoc[b + 1] - queryStartLoc[b];
    if (length > 0) parts.push(attend(queryStartLoc[b], 1, length));
  }
  return concat(parts);
}
