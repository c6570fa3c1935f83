import type { KvCacheBlock } from './block.js';
import type { BlockHashWithGroupId } from './block_hash.js';

/**
 * Cached blocks by content (vLLM `BlockHashToBlockMap`). Two requests that compute the same prefix at the same time make
 * two blocks of the same content; both are kept, since a request's table never changes under it.
 */
export class BlockHashToBlockMap {
  private readonly blocks = new Map<
    BlockHashWithGroupId,
    KvCacheBlock | Map<number, KvCacheBlock>
  >();

  /** Any block of this content. */
  getOneBlock(key: BlockHashWithGroupId): KvCacheBlock | null {
    const found = this.blocks.get(key);
    if (!(found instanceof Map)) return found ?? null;
    return found.values().next().value ?? null;
  }

  insert(key: BlockHashWithGroupId, block: KvCacheBlock): void {
    const found = this.blocks.get(key);
    if (found === undefined) this.blocks.set(key, block);
    else if (found instanceof Map) found.set(block.blockId, block);
    else {
      const both = [found, block].map((one): [number, KvCacheBlock] => [one.blockId, one]);
      this.blocks.set(key, new Map(both));
    }
  }

  /** Takes out the block of this content and id; null where there is none. */
  pop(key: BlockHashWithGroupId, blockId: number): KvCacheBlock | null {
    const found = this.blocks.get(key);
    if (found === undefined) return null;
    if (found instanceof Map) {
      const block = found.get(blockId) ?? null;
      found.delete(blockId);
      if (found.size === 0) this.blocks.delete(key);
      return block;
    }
    if (found.blockId !== blockId) return null;
    this.blocks.delete(key);
    return found;
  }

  clear(): void {
    this.blocks.clear();
  }

  /** Distinct contents. */
  get size(): number {
    return this.blocks.size;
  }
}
