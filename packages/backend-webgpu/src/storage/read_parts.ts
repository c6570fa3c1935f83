import type { Device } from '../device/device.js';
import { copyEncoder } from '../device/dispatch.js';
import type { Place } from './kv_storage.js';

/** Bytes that are mapped at once. */
const STAGING_BYTES = 2 ** 26;

/** The bytes of lists of places, as they are when this is called, each list joined. */
export async function readParts(
  device: Device,
  lists: readonly (readonly Place[])[],
): Promise<Uint8Array<ArrayBuffer>[]> {
  const { gpu, tfjs } = device;
  const results = lists.map(
    (places) => new Uint8Array(places.reduce((sum, { size }) => sum + size, 0)),
  );
  const reads: Promise<void>[] = [];
  lists.forEach((places, list) => {
    let at = 0;
    for (const portion of portions(places)) {
      const bytes = portion.reduce((sum, { size }) => sum + size, 0);
      const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
      const staging = gpu.createBuffer({ label: 'swapBlocks', size: bytes, usage });
      const encoder = copyEncoder(device);
      let to = 0;
      for (const { buffer, offset, size } of portion) {
        encoder.copyBufferToBuffer(buffer, offset, staging, to, size);
        to += size;
      }
      tfjs.submitQueue();
      reads.push(read(staging, results[list], at));
      at += bytes;
    }
  });
  await Promise.all(reads);
  return results;
}

async function read(staging: GPUBuffer, into: Uint8Array, at: number): Promise<void> {
  try {
    await staging.mapAsync(GPUMapMode.READ);
    into.set(new Uint8Array(staging.getMappedRange()), at);
  } finally {
    staging.destroy();
  }
}

function* portions(places: readonly Place[]): Generator<readonly Place[]> {
  const size = places[0]?.size ?? 1;
  const count = Math.max(1, Math.floor(STAGING_BYTES / size));
  for (let at = 0; at < places.length; at += count) yield places.slice(at, at + count);
}
