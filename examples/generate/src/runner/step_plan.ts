import { planAttention, type AttentionPlan, type KvCacheConfig } from '@tfjs-attention/core';

/** The next tokens of one sequence. */
export interface SequenceStep {
  /** Position of the first; tokens before it are in the cache. */
  start: number;
  count: number;
  /** Its block table, one row a KV cache group. */
  blockIds: readonly (readonly number[])[];
}

/** One step's batch: what every layer is told, and where each of the T packed tokens stands. */
export interface StepPlan {
  attnMetadata: Readonly<Record<string, AttentionPlan>>;
  /** `[T]` */
  positions: Int32Array;
  readonly dispose: () => void;
}

/** Packs the next tokens of some sequences; layers of one group share a plan. Without `store` the cache stays as it is. */
export function planStep(
  steps: readonly SequenceStep[],
  config: KvCacheConfig,
  { store = true }: { store?: boolean } = {},
): StepPlan {
  const queryStartLoc = new Int32Array(steps.length + 1);
  steps.forEach(({ count }, b) => (queryStartLoc[b + 1] = queryStartLoc[b] + count));
  const positions = new Int32Array(queryStartLoc[steps.length]);
  steps.forEach(({ start, count }, b) => {
    for (let i = 0; i < count; i++) positions[queryStartLoc[b] + i] = start + i;
  });
  const seqLens = Int32Array.from(steps, ({ start, count }) => start + count);
  const plans = config.kvCacheGroups.map(({ kvCacheSpec }, group) =>
    planAttention({
      queryStartLoc,
      seqLens,
      blockTables: steps.map(({ blockIds }) => blockIds[group]),
      slotMapping: store
        ? slotsOf(steps, group, kvCacheSpec.blockSize, positions.length)
        : new Int32Array(positions.length).fill(-1),
    }),
  );
  const entries = config.kvCacheGroups.flatMap(({ layerNames }, group) =>
    layerNames.map((layer) => [layer, plans[group]] as const),
  );
  return {
    attnMetadata: Object.fromEntries(entries),
    positions,
    dispose: () => plans.forEach((plan) => plan.dispose()),
  };
}

/** Where each new token is stored: block * C + offset. */
function slotsOf(
  steps: readonly SequenceStep[],
  group: number,
  blockSize: number,
  numTokens: number,
): Int32Array {
  const slots = new Int32Array(numTokens);
  let token = 0;
  for (const { start, count, blockIds } of steps) {
    for (let position = start; position < start + count; position++) {
      const block = blockIds[group][Math.floor(position / blockSize)];
      slots[token++] = block * blockSize + (position % blockSize);
    }
  }
  return slots;
}
