import { tidy, type Tensor } from '@tensorflow/tfjs-core';
import { gatherSlots } from '../kv_cache/access.js';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { check } from '../problem/checks.js';
import { checkCache } from './blocks.js';
import { slotsOfTable, type BlockTableRows } from './table_slots.js';

export interface GatherOptions {
  /** `[B]` position of each sequence's first token; default 0. */
  seqStarts?: Int32Array;
}

/**
 * Keys and values of stretches of sequences, dequantised and packed (vLLM `gather_and_maybe_dequant_cache`): token t of
 * sequence b is the one at position seqStarts[b] + t. Returns key `[total, K, H]` and value `[total, K, Hv]`, float32.
 *
 * ```js
 * // blocks of 16: tokens 16 to 35 of the one sequence, out of blocks 3 and 9
 * gatherAndMaybeDequantCache(cache, [[7, 3, 9]], Int32Array.of(0, 20), {seqStarts: Int32Array.of(16)});
 * ```
 *
 * @param blockTable one row of block ids a sequence
 * @param cuSeqLens `[B + 1]` prefix sums of lengths
 * @throws InvalidArgumentError for a start that is no multiple of the block size (upstream's rule; {@link cpGatherCache}
 *   takes any), or blocks outside the cache; CapacityError; DisposedError; BackendMismatchError.
 */
export function gatherAndMaybeDequantCache(
  cache: KvCache,
  blockTable: BlockTableRows,
  cuSeqLens: Int32Array,
  options: GatherOptions = {},
): { key: Tensor; value: Tensor } {
  const op = 'gatherAndMaybeDequantCache';
  checkCache(op, cache);
  const { blockSize } = cache.layout;
  options.seqStarts?.forEach((start, b) =>
    check(
      start % blockSize === 0,
      op,
      () =>
        `seqStarts[${b}] = ${start} must be a multiple of the block size ${blockSize}: take cpGatherCache`,
    ),
  );
  return gatherTable(op, cache, blockTable, cuSeqLens, options);
}

/**
 * As {@link gatherAndMaybeDequantCache}, from any position on (vLLM `cp_gather_cache`, which copies stored elements; tfjs
 * tensors have no such types, so 8- and 16-bit ones come as the float32 numbers they stand for).
 */
export function cpGatherCache(
  cache: KvCache,
  blockTable: BlockTableRows,
  cuSeqLens: Int32Array,
  options: GatherOptions = {},
): { key: Tensor; value: Tensor } {
  const op = 'cpGatherCache';
  checkCache(op, cache);
  return gatherTable(op, cache, blockTable, cuSeqLens, options);
}

function gatherTable(
  op: string,
  cache: KvCache,
  blockTable: BlockTableRows,
  cuSeqLens: Int32Array,
  { seqStarts }: GatherOptions,
): { key: Tensor; value: Tensor } {
  const storage = cache.storageFor(op);
  const slots = slotsOfTable(op, blockTable, cuSeqLens, cache.layout, seqStarts);
  return tidy(() => {
    const [key, value] = gatherSlots(storage, slots).map((x) => cache.rotation?.turnBack(x) ?? x);
    return { key, value };
  });
}
