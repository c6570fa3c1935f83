import { outOfMemory, type Heap } from './heap.js';
import { ArrayRegion, type Region } from './region.js';

/** Plain typed arrays, one a region, where there is no WebAssembly. */
export class ArrayHeap implements Heap {
  private readonly live = new Set<Region>();
  bytesInUse = 0;

  get bytesCommitted(): number {
    return this.bytesInUse;
  }

  allocate(byteLength: number): Region {
    let array: Uint8Array;
    try {
      // Rounded up, so that every region can be seen as 32-bit words.
      array = new Uint8Array(Math.ceil(byteLength / 4) * 4);
    } catch {
      throw outOfMemory(byteLength, this, 'the JavaScript engine refuses a longer array');
    }
    const region = new ArrayRegion(array.subarray(0, byteLength));
    this.live.add(region);
    this.bytesInUse += byteLength;
    return region;
  }

  allocateZeroed(byteLength: number): Region {
    return this.allocate(byteLength);
  }

  free(region: Region): void {
    if (this.live.delete(region)) this.bytesInUse -= region.byteLength;
  }
}
