import { CapacityError, InvalidArgumentError } from '../errors.js';
import { KvCacheBlock } from './block.js';

/**
 * Free blocks in the order in which they are given out: the one that was freed first comes first (vLLM
 * `FreeKVCacheBlockQueue`). A doubly linked list through the blocks themselves, so that a block found by its content
 * leaves the middle in constant time.
 */
export class FreeBlockList {
  private readonly head = new KvCacheBlock(-1);
  private readonly tail = new KvCacheBlock(-1);
  private count = 0;

  constructor(blocks: readonly KvCacheBlock[]) {
    link(this.head, this.tail);
    this.append(blocks);
  }

  get numFreeBlocks(): number {
    return this.count;
  }

  /** Takes the `count` blocks that were freed first. */
  popLeft(count: number): KvCacheBlock[] {
    if (count > this.count) {
      throw new CapacityError(
        `FreeBlockList.popLeft: ${count} blocks asked for, ${this.count} are free; free a request first`,
      );
    }
    const blocks: KvCacheBlock[] = [];
    for (let i = 0; i < count; i++) {
      const block = this.head.nextFreeBlock!;
      this.remove(block);
      blocks.push(block);
    }
    return blocks;
  }

  /** Takes one block out, wherever it stands. */
  remove(block: KvCacheBlock): void {
    const { prevFreeBlock, nextFreeBlock } = block;
    if (prevFreeBlock === null || nextFreeBlock === null) {
      throw new InvalidArgumentError(`FreeBlockList.remove: block ${block.blockId} is not free`);
    }
    link(prevFreeBlock, nextFreeBlock);
    block.prevFreeBlock = null;
    block.nextFreeBlock = null;
    this.count--;
  }

  /** Adds blocks at the end, in this order. */
  append(blocks: readonly KvCacheBlock[]): void {
    for (const block of blocks) {
      link(this.tail.prevFreeBlock!, block);
      link(block, this.tail);
      this.count++;
    }
  }

  /** All free blocks, the next one to be given out first. */
  toArray(): KvCacheBlock[] {
    const blocks: KvCacheBlock[] = [];
    let block = this.head.nextFreeBlock!;
    while (block !== this.tail) {
      blocks.push(block);
      block = block.nextFreeBlock!;
    }
    return blocks;
  }
}

function link(left: KvCacheBlock, right: KvCacheBlock): void {
  left.nextFreeBlock = right;
  right.prevFreeBlock = left;
}
