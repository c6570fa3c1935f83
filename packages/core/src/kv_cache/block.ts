import type { BlockHashWithGroupId } from './block_hash.js';

/** One physical block as the pool sees it (vLLM `KVCacheBlock`). */
export class KvCacheBlock {
  /** Requests that hold it; 0 = free. Of the null block it means nothing. */
  refCnt = 0;
  /** Its content, if it is full and may be found again. */
  blockHash: BlockHashWithGroupId | null = null;
  /** Neighbours in the free list. */
  prevFreeBlock: KvCacheBlock | null = null;
  nextFreeBlock: KvCacheBlock | null = null;

  constructor(
    readonly blockId: number,
    /** Stands where a block is no longer needed; never written, never freed. */
    readonly isNull = false,
  ) {}
}
