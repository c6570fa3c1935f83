import { slice, type Tensor } from '@tensorflow/tfjs-core';
import { runAttentionKernel } from '../kernels.js';
import type { AttentionPlan } from '../utils/plan_attention.js';
import type { HostKvStorage } from './host_storage.js';
import type { KvStorage } from './storage.js';

/** Storage of host arrays is the only one without kernels. */
function isHost(storage: KvStorage): storage is HostKvStorage {
  return storage.kind === 'host';
}

/** Dequantised float32 keys `[T, K, H]` and values `[T, K, Hv]` of flat slots; -1 gives zeros. */
export function gatherSlots(storage: KvStorage, slots: Int32Array): Tensor[] {
  const [key, value] = isHost(storage)
    ? storage.gather(slots)
    : runAttentionKernel('TfjsAttnGatherCache', {}, { slots, storage });
  const { valueInKey, valueHeadSize } = storage.layout;
  return [key, valueInKey ? slice(key, [0, 0, 0], [-1, -1, valueHeadSize]) : value];
}

/** Writes checked k and v to the plan's slots; no v where values are in the keys. */
export function writeSlots(
  storage: KvStorage,
  k: Tensor,
  v: Tensor | undefined,
  plan: AttentionPlan & { slotMapping: Int32Array },
): void {
  if (isHost(storage)) storage.write(k, v, plan.slotMapping);
  else runAttentionKernel('TfjsAttnReshapeAndCache', v ? { k, v } : { k }, { plan, storage });
}

/** Where the keys of a batch lie. */
export type PagedKeys = Pick<AttentionPlan, 'seqLens' | 'blockTables' | 'maxBlocksPerSeq'>;

/** Flat slot of every key of sequences `first` to `end - 1`, in order; all sequences unless told. */
export function slotsOf(
  { seqLens, blockTables, maxBlocksPerSeq }: PagedKeys,
  blockSize: number,
  first = 0,
  end = seqLens.length,
): Int32Array {
  let total = 0;
  for (let b = first; b < end; b++) total += seqLens[b];
  const slots = new Int32Array(total);
  let row = 0;
  for (let b = first; b < end; b++) {
    for (let j = 0; j < seqLens[b]; j++) {
      const block = blockTables[b * maxBlocksPerSeq + Math.floor(j / blockSize)];
      slots[row++] = block * blockSize + (j % blockSize);
    }
  }
  return slots;
}
