import type { Heap } from './heap.js';
import { alignUp } from './span_allocator.js';
import type { Region } from './region.js';

/** Workspace up to this size is kept between calls; more is given back, so that one long prompt does not hold memory. */
const KEPT_BYTES = 4 * 2 ** 20;

/**
 * Workspace of one call: `take` what is needed, `reset` at its end. Calls that fit the kept block, as decode steps do,
 * allocate nothing.
 */
export class Arena {
  private block: Region | undefined;
  private used = 0;
  private wanted = 0;
  private readonly extra: Region[] = [];

  constructor(private readonly heap: Heap) {}

  /** Uninitialised bytes until `reset`. @throws CapacityError */
  take(byteLength: number): Region {
    const length = alignUp(byteLength);
    this.wanted += length;
    if (this.block === undefined || this.used + length > this.block.byteLength) {
      const region = this.heap.allocate(byteLength);
      this.extra.push(region);
      return region;
    }
    const region = this.block.part(this.used, byteLength);
    this.used += length;
    return region;
  }

  /** Ends a call. The kept block grows to what the call wanted, if that is little and there is room. */
  reset(): void {
    const { wanted } = this;
    for (const region of this.extra.splice(0)) this.heap.free(region);
    this.used = this.wanted = 0;
    if (wanted <= (this.block?.byteLength ?? 0) || wanted > KEPT_BYTES) return;
    this.release();
    try {
      this.block = this.heap.allocate(wanted);
    } catch {
      // Full: the next call asks again, and says so if it must.
    }
  }

  /** Gives the kept block back. */
  release(): void {
    if (this.block) this.heap.free(this.block);
    this.block = undefined;
  }
}
