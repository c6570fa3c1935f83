import type { TfjsWasm } from '../tensors/tfjs_backends.js';
import { outOfMemory, type Heap } from './heap.js';
import { MemoryRegion, type Region } from './region.js';
import { alignUp } from './span_allocator.js';

/** tfjs's allocator aligns to 8 bytes; the rest of a cache line is ours to skip. */
const SLACK = 56;

/**
 * Blocks inside tfjs-wasm's own memory, from its own allocator. The memory never grows here directly: that would detach
 * the views that tfjs holds.
 */
export class TfjsHeap implements Heap {
  private readonly blocks = new Map<number, { start: number; byteLength: number }>();
  bytesInUse = 0;

  constructor(
    readonly memory: { readonly buffer: ArrayBufferLike },
    private readonly backend: { readonly wasm: TfjsWasm | null },
  ) {}

  get bytesCommitted(): number {
    return this.memory.buffer.byteLength;
  }

  allocate(byteLength: number): Region {
    const size = byteLength + SLACK;
    // Signed above 2 GiB.
    const start = size < 2 ** 32 ? (this.backend.wasm?._malloc(size) ?? 0) >>> 0 : 0;
    if (start === 0) throw outOfMemory(byteLength, this, 'tfjs-wasm has no more to give');
    const address = alignUp(start);
    this.blocks.set(address, { start, byteLength });
    this.bytesInUse += byteLength;
    return new MemoryRegion(this.memory, address, byteLength);
  }

  allocateZeroed(byteLength: number): Region {
    const region = this.allocate(byteLength);
    region.bytes().fill(0);
    return region;
  }

  free({ address }: { readonly address: number }): void {
    const block = this.blocks.get(address);
    if (block === undefined) return;
    this.blocks.delete(address);
    this.bytesInUse -= block.byteLength;
    // A disposed backend has taken its memory with it.
    this.backend.wasm?._free(block.start);
  }

  /** Gives every block back to tfjs. */
  freeAll(): void {
    for (const address of [...this.blocks.keys()]) this.free({ address });
  }
}
