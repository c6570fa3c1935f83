import { outOfMemory, type Heap } from './heap.js';
import { MemoryRegion, type Region } from './region.js';
import { SpanAllocator } from './span_allocator.js';

const PAGE = 2 ** 16;
/** Memory grows in steps of this many pages (1 MiB), so that small caches do not each pay for a growth. */
const STEP = 16;
/** wasm32 ends here: 4 GiB. */
const MAX_PAGES = 2 ** 16;
/** Address 0 means "absent" to the kernels. */
const FIRST_ADDRESS = 1024;

/** A WebAssembly memory of our own, shared between threads or not. */
export class OwnHeap implements Heap {
  readonly memory: WebAssembly.Memory;
  private readonly spans: SpanAllocator;

  constructor(
    readonly shared: boolean,
    private readonly maxPages = MAX_PAGES,
  ) {
    this.memory = createMemory(shared, Math.min(STEP, maxPages), maxPages);
    this.spans = new SpanAllocator(FIRST_ADDRESS, this.bytesCommitted);
  }

  get bytesInUse(): number {
    return this.spans.inUse;
  }

  get bytesCommitted(): number {
    return this.memory.buffer.byteLength;
  }

  allocate(byteLength: number): Region {
    return new MemoryRegion(this.memory, this.take(byteLength), byteLength);
  }

  allocateZeroed(byteLength: number): Region {
    // Pages that were never handed out are zero already; touching them would only cost memory.
    const { highWater } = this.spans;
    const address = this.take(byteLength);
    const used = Math.min(byteLength, highWater - address);
    if (used > 0) new Uint8Array(this.memory.buffer, address, used).fill(0);
    return new MemoryRegion(this.memory, address, byteLength);
  }

  free(region: Region): void {
    this.spans.release(region.address);
  }

  private take(byteLength: number): number {
    const found = this.spans.take(byteLength);
    if (found !== undefined) return found;
    this.grow(byteLength);
    return this.spans.take(byteLength) as number;
  }

  private grow(byteLength: number): void {
    const needed = Math.ceil(this.spans.missing(byteLength) / PAGE);
    const room = this.maxPages - this.bytesCommitted / PAGE;
    try {
      if (needed > room) throw new RangeError();
      this.memory.grow(Math.min(room, Math.ceil(needed / STEP) * STEP));
    } catch {
      const limit = `WebAssembly memory ends at ${(this.maxPages * PAGE) / 2 ** 20} MiB or where the system refuses more`;
      throw outOfMemory(byteLength, this, limit);
    }
    this.spans.extend(this.bytesCommitted);
  }
}

/** Shared memory reserves its maximum as address space at once, which small devices refuse: ask for less and less. */
function createMemory(shared: boolean, initial: number, maximum: number): WebAssembly.Memory {
  for (let most = maximum; ; most = Math.max(initial, most >>> 1)) {
    try {
      return new WebAssembly.Memory({ initial, maximum: most, shared });
    } catch (error) {
      if (most <= initial || !(error instanceof RangeError)) throw error;
    }
  }
}
