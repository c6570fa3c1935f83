import { demand } from './user_error.js';

/** The free list of a cache's physical blocks. One id stands for the same block in every layer's cache. */
export class BlockPool {
  private readonly free: number[];

  constructor(readonly numBlocks: number) {
    // The last is handed out first: a run starts with block 0.
    this.free = Array.from({ length: numBlocks }, (_, i) => numBlocks - 1 - i);
  }

  get numFree(): number {
    return this.free.length;
  }

  get numUsed(): number {
    return this.numBlocks - this.free.length;
  }

  /** Takes `count` blocks, or none of them. */
  allocate(count: number): number[] {
    demand(
      count <= this.free.length,
      `the KV cache is full: ${count} more blocks are needed, ${this.free.length} of ${this.numBlocks} are free`,
    );
    return Array.from({ length: count }, () => this.free.pop() as number);
  }

  release(blocks: readonly number[]): void {
    this.free.push(...blocks);
  }
}
