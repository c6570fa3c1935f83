import { check, checkInt } from '../problem/checks.js';

/** A batch whose requests change places; swapping moves everything that belongs to them. */
export interface ReorderableBatch {
  readonly reqIds: readonly string[];
  swapStates(i: number, j: number): void;
}

/** What a scheduler decided for a step. */
export interface ScheduledTokens {
  /** Query tokens by request. */
  readonly numScheduledTokens: Readonly<Record<string, number>>;
}

const OP = 'reorderBatchToSplitDecodesAndPrefills';

/**
 * Brings requests of at most `decodeThreshold` query tokens to the front with the fewest swaps (vLLM
 * `reorder_batch_to_split_decodes_and_prefills`).
 *
 * @returns whether anything moved
 */
export function reorderBatchToSplitDecodesAndPrefills(
  inputBatch: ReorderableBatch,
  schedulerOutput: ScheduledTokens,
  decodeThreshold = 1,
): boolean {
  checkInt(decodeThreshold, OP, 'decodeThreshold', 0);
  const isDecode = inputBatch.reqIds.map((id) => {
    const numTokens = schedulerOutput.numScheduledTokens[id];
    check(numTokens !== undefined, OP, `numScheduledTokens has no entry for request '${id}'`);
    return numTokens <= decodeThreshold;
  });
  const numDecodes = isDecode.filter(Boolean).length;
  const swaps: [number, number][] = [];
  let prefill = 0;
  for (let decode = isDecode.length - 1; decode >= numDecodes; decode--) {
    if (!isDecode[decode]) continue;
    while (isDecode[prefill]) prefill++;
    swaps.push([prefill++, decode]);
  }
  swaps.forEach(([i, j]) => inputBatch.swapStates(i, j));
  return swaps.length > 0;
}
