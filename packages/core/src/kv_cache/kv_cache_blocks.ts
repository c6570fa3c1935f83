import type { KvCacheBlock } from './block.js';

/** Blocks of one request, one list a KV cache group (vLLM `KVCacheBlocks`). */
export class KvCacheBlocks {
  constructor(readonly blocks: readonly (readonly KvCacheBlock[])[]) {}

  /** Ids, one list a group; what a block table row is made of. */
  getBlockIds(): number[][] {
    return this.blocks.map((group) => group.map((block) => block.blockId));
  }
}
