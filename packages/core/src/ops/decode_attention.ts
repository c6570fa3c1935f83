import { tidy, type Tensor } from '@tensorflow/tfjs-core';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { check, checkInt, checkTensor } from '../problem/checks.js';
import type { AttentionOptions, AttentionResult } from '../problem/options.js';
import type { AttentionPlan } from '../utils/plan_attention.js';
import { checkHandles, runPagedState } from './run_paged.js';
import { attendParts, checkDecode, reduceParts, type KeyParts } from './split_keys.js';

export interface DecodeAttentionOptions extends Pick<
  AttentionOptions,
  'softmaxScale' | 'implementation'
> {
  /** Parts that each sequence's keys are cut into. Default 1: kernels cut long sequences by themselves. */
  numKvSplits?: number;
  /** As `logitsSoftCap`; 0 (default) = off. */
  logitCap?: number;
}

const OP = 'decodeAttentionFwd';

/**
 * One query token a sequence over its pages (vLLM `triton_decode_attention.decode_attention_fwd`, after SGLang): q
 * `[B, N, H]` float32; returns output `[B, N, Hv]` and lse `[B, N]`. Each sequence's keys are cut into `numKvSplits` parts
 * of ceil(len / splits) keys, rounded up to whole blocks, attended in one call and merged.
 *
 * ```js
 * decodeAttentionFwd(q, cache, plan, {numKvSplits: 4});  // 17 keys in blocks of 16: parts of 16, 1, 0 and 0 keys
 * ```
 *
 * @throws InvalidArgumentError for a plan with other than one query token a sequence; DisposedError,
 *   BackendMismatchError, CapacityError.
 */
export function decodeAttentionFwd(
  q: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  options: DecodeAttentionOptions = {},
): AttentionResult {
  return decode(OP, q, cache, plan, options);
}

/** {@link decodeAttentionFwd} where every query head has a KV head of its own; others throw. */
export function decodeAttentionFwdNormal(
  q: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  options: DecodeAttentionOptions = {},
): AttentionResult {
  const op = 'decodeAttentionFwdNormal';
  checkGroup(op, q, cache, plan, false);
  return decode(op, q, cache, plan, options);
}

/** {@link decodeAttentionFwd} where several query heads share a KV head; others throw. */
export function decodeAttentionFwdGrouped(
  q: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  options: DecodeAttentionOptions = {},
): AttentionResult {
  const op = 'decodeAttentionFwdGrouped';
  checkGroup(op, q, cache, plan, true);
  return decode(op, q, cache, plan, options);
}

/**
 * The first stage alone (vLLM `_decode_att_m_fwd`, `_decode_grouped_att_m_fwd`): a state for each part, output
 * `[splits * B, N, Hv]` and lse `[splits * B, N]`, part by part; a part without keys gives 0 and -Infinity.
 */
export function decodeAttMFwd(
  q: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  options: DecodeAttentionOptions = {},
): AttentionResult {
  const op = 'decodeAttMFwd';
  const parts = readParts(op, q, cache, plan, options);
  return attendParts(op, q, cache, plan, parts, scoreOptions(options));
}

/**
 * The second stage (vLLM `_decode_softmax_reducev_fwd`): merges what {@link decodeAttMFwd} gave into output `[B, N, Hv]`
 * and lse `[B, N]`.
 */
export function decodeSoftmaxReducevFwd(
  logits: AttentionResult,
  numKvSplits: number,
): AttentionResult {
  const op = 'decodeSoftmaxReducevFwd';
  checkTensor(logits?.output, op, 'logits.output', 3, '[splits * B, N, Hv]');
  checkTensor(logits.lse, op, 'logits.lse', 2, '[splits * B, N]');
  checkInt(numKvSplits, op, 'numKvSplits', 1);
  check(
    logits.output.shape[0] % numKvSplits === 0,
    op,
    `logits hold ${logits.output.shape[0]} states, which numKvSplits ${numKvSplits} does not divide`,
  );
  return reduceParts(logits, numKvSplits);
}

function decode(
  op: string,
  q: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  options: DecodeAttentionOptions,
): AttentionResult {
  const parts = readParts(op, q, cache, plan, options);
  if (parts.numParts === 1) return runPagedState(op, q, cache, plan, scoreOptions(options));
  const [output, lse] = tidy(op, () => {
    const states = attendParts(op, q, cache, plan, parts, scoreOptions(options));
    const merged = reduceParts(states, parts.numParts);
    return [merged.output, merged.lse];
  });
  return { output, lse };
}

function scoreOptions({ softmaxScale, logitCap, implementation }: DecodeAttentionOptions) {
  return {
    ...(softmaxScale !== undefined && { softmaxScale }),
    ...(logitCap !== undefined && { logitsSoftCap: logitCap }),
    ...(implementation !== undefined && { implementation }),
  } satisfies AttentionOptions;
}

function readParts(
  op: string,
  q: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  { numKvSplits = 1 }: DecodeAttentionOptions,
): KeyParts {
  checkDecode(op, cache, plan);
  checkTensor(q, op, 'q', 3, '[B, N, H]');
  checkInt(numKvSplits, op, 'numKvSplits', 1, 1024);
  const { blockSize } = cache.layout;
  const partLens = plan.seqLens.map((length) => {
    const blocks = Math.ceil(Math.ceil(length / numKvSplits) / blockSize);
    return Math.max(1, blocks) * blockSize;
  });
  return { numParts: numKvSplits, partLens };
}

function checkGroup(
  op: string,
  q: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  grouped: boolean,
): void {
  checkHandles(op, cache, plan);
  checkTensor(q, op, 'q', 3, '[B, N, H]');
  const [heads, kvHeads] = [q.shape[1] ?? 0, cache.layout.numKvHeads];
  check(
    (heads !== kvHeads) === grouped,
    op,
    `q has ${heads} heads, the cache ${kvHeads}: take ${grouped ? 'decodeAttentionFwdNormal' : 'decodeAttentionFwdGrouped'}`,
  );
}
