import { reshape, type Tensor } from '@tensorflow/tfjs-core';
import { gatherSlots } from '../../kv_cache/access.js';
import type { KvCache } from '../../kv_cache/kv_cache.js';
import type { AttentionPlan } from '../../utils/plan_attention.js';
import type { ContextChunk } from './chunked_context.js';

const OP = 'gatherLatents';

/** The dequantised latents `[S, L + R]` of a turn, request by request. */
export function gatherLatents(
  kvCache: KvCache,
  plan: AttentionPlan,
  { starts, seqLens, seqTot }: ContextChunk,
): Tensor {
  const { blockSize, headSize } = kvCache.layout;
  plan.checkFor(OP, kvCache.layout);
  const slots = new Int32Array(seqTot);
  let row = 0;
  starts.forEach((start, b) => {
    const first = b * plan.maxBlocksPerSeq;
    for (let key = start; key < start + seqLens[b]; key++) {
      const block = plan.blockTables[first + Math.floor(key / blockSize)];
      slots[row++] = block * blockSize + (key % blockSize);
    }
  });
  const [key] = gatherSlots(kvCache.storageFor(OP), slots);
  return reshape(kvCache.rotation?.turnBack(key) ?? key, [seqTot, headSize]);
}
