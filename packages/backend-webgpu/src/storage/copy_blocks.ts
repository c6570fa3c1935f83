import type { BlockPairs } from '@tfjs-attention/core/provider';
import { copyEncoder } from '../device/dispatch.js';
import type { BufferKvStorage, Place } from './kv_storage.js';

/** Copies blocks; none is both source and target. A buffer cannot be copied to itself, so blocks go through scratch. */
export function copyBlocks(storage: BufferKvStorage, pairs: BlockPairs): void {
  const { device, halves, scales } = storage;
  for (const [from, to] of pairs) {
    const moves = halves.map((half): [Place, Place] => [
      storage.placeOf(half, from),
      storage.placeOf(half, to),
    ]);
    if (scales.perToken) {
      for (const half of halves.map((_, i) => (i === 0 ? 'key' : 'value'))) {
        const [source, target] = scales.places(half, [from, to]);
        moves.push([source, target]);
      }
    }
    for (const [source, target] of moves) {
      const scratch = device.buffers.scratch(source.size);
      const encoder = copyEncoder(device);
      encoder.copyBufferToBuffer(source.buffer, source.offset, scratch, 0, source.size);
      encoder.copyBufferToBuffer(scratch, 0, target.buffer, target.offset, source.size);
      device.buffers.give(scratch);
    }
  }
}
