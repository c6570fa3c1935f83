import { tidy, type Tensor } from '@tensorflow/tfjs-core';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { checkTensor } from '../problem/checks.js';
import type { AttentionOptions } from '../problem/options.js';
import type { AttentionPlan } from '../utils/plan_attention.js';
import { blockSparseMask, readBlockSparse, type BlockSparseOptions } from './block_sparse.js';
import { runPaged } from './run_paged.js';
import { attendParts, checkDecode, partsOf, reduceParts, type KeyParts } from './split_keys.js';

/** Keys of a partition (vLLM `_PARTITION_SIZE`). */
export const PARTITION_SIZE = 512;

/** Longest sequence that one pass serves, whatever the batch: beyond it vLLM's kernel has no shared memory for logits. */
const LONGEST_SINGLE_PASS = 8192;

export interface PagedDecodeOptions extends Pick<
  AttentionOptions,
  'softmaxScale' | 'logitsSoftCap' | 'alibiSlopes' | 'slidingWindow' | 'sinks' | 'implementation'
> {
  /** Default: every key is seen. */
  blockSparse?: BlockSparseOptions;
}

/**
 * vLLM's choice between `paged_attention_v1` and `_v2`: partitions for sequences beyond 8192 keys, and where more than one
 * partition exists but sequences times heads are too few (at most 512) to keep a device busy.
 *
 * ```js
 * usesPartitions(8192, 64, 8);  // true: 512 rows are few; with 65 sequences false
 * ```
 */
export function usesPartitions(maxSeqLen: number, numSeqs: number, numHeads: number): boolean {
  const partitions = Math.ceil(maxSeqLen / PARTITION_SIZE);
  return maxSeqLen > LONGEST_SINGLE_PASS || (partitions > 1 && numSeqs * numHeads <= 512);
}

/**
 * One query token a sequence over its pages in one pass (vLLM `paged_attention_v1`): `query` `[B, N, H]` float32, returns
 * `[B, N, Hv]`. The denominator has no 1e-6 added, as vLLM's has.
 *
 * @throws InvalidArgumentError for a plan with other than one query token a sequence, or a pattern whose block size is no
 *   multiple of the cache's; DisposedError, BackendMismatchError, CapacityError.
 */
export function pagedAttentionV1(
  query: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  options: PagedDecodeOptions = {},
): Tensor {
  return decode('pagedAttentionV1', query, cache, plan, options, null);
}

/** As {@link pagedAttentionV1} in partitions of 512 keys that are merged (vLLM `paged_attention_v2`). */
export function pagedAttentionV2(
  query: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  options: PagedDecodeOptions = {},
): Tensor {
  return decode('pagedAttentionV2', query, cache, plan, options, PARTITION_SIZE);
}

function decode(
  op: string,
  query: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  { blockSparse, sinks, ...rest }: PagedDecodeOptions,
  partLen: number | null,
): Tensor {
  checkDecode(op, cache, plan);
  checkTensor(query, op, 'query', 3, '[B, N, H]');
  const { blockSize } = cache.layout;
  const pattern = readBlockSparse(op, blockSparse, blockSize);
  const parts: KeyParts =
    partLen === null ? partsOf(plan, blockSize, Math.max(1, plan.maxSeqLen)) : partsOf(plan, blockSize, partLen); // prettier-ignore
  return tidy(op, () => {
    const mask = pattern && maskOf(pattern, query, cache, plan, parts);
    const options = { ...rest, ...(mask && { mask }) };
    if (parts.numParts === 1) {
      return runPaged(op, query, cache, plan, { ...options, sinks }) as Tensor;
    }
    const states = attendParts(op, query, cache, plan, parts, options);
    return reduceParts(states, parts.numParts, sinks).output;
  });
}

function maskOf(
  pattern: Required<BlockSparseOptions>,
  query: Tensor,
  cache: KvCache,
  { seqLens, numSeqs, queryOffsets }: AttentionPlan,
  { numParts, partLens }: KeyParts,
): Tensor {
  const rows = Array.from({ length: numParts * numSeqs }, (_, i) => ({
    position: queryOffsets[i % numSeqs],
    firstKey: Math.floor(i / numSeqs) * partLens[i % numSeqs],
  }));
  const longest = Math.max(1, ...seqLens.map((length, b) => Math.min(length, partLens[b])));
  return blockSparseMask(pattern, rows, longest, query.shape[1] ?? 1, cache.layout.numKvHeads);
}
