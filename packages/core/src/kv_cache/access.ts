import type { Tensor } from '@tensorflow/tfjs-core';
import { runAttentionKernel } from '../kernels.js';
import type { AttentionPlan } from '../utils/plan_attention.js';
import type { HostKvStorage } from './host_storage.js';
import type { KvCacheLayout } from './layout.js';
import type { KvStorage } from './storage.js';

/** Storage of host arrays is the only one without kernels. */
function isHost(storage: KvStorage): storage is HostKvStorage {
  return storage.kind === 'host';
}

/** Dequantised float32 keys `[T, K, H]` and values `[T, K, Hv]` of flat slots; -1 gives zeros. */
export function gatherSlots(storage: KvStorage, slots: Int32Array): Tensor[] {
  return isHost(storage)
    ? storage.gather(slots)
    : runAttentionKernel('TfjsAttnGatherCache', {}, { slots, storage });
}

/** Writes checked k and v to the plan's slots. */
export function writeSlots(
  storage: KvStorage,
  k: Tensor,
  v: Tensor,
  plan: AttentionPlan & { slotMapping: Int32Array },
): void {
  if (isHost(storage)) storage.write(k, v, plan.slotMapping);
  else runAttentionKernel('TfjsAttnReshapeAndCache', { k, v }, { plan, storage });
}

/** Flat slot of every key of every sequence, in order. */
export function slotsOf(plan: AttentionPlan, { blockSize }: KvCacheLayout): Int32Array {
  const total = plan.seqLens.reduce((sum, length) => sum + length, 0);
  const slots = new Int32Array(total);
  let row = 0;
  plan.seqLens.forEach((length, b) => {
    for (let j = 0; j < length; j++) {
      const block = plan.blockTables[b * plan.maxBlocksPerSeq + Math.floor(j / blockSize)];
      slots[row++] = block * blockSize + (j % blockSize);
    }
  });
  return slots;
}
