import type { BlockHash } from './block_hash.js';

/** What happened to cached blocks, for a router that sends requests where their prefix is (vLLM `KVCacheEvent`). */
export type KvCacheEvent =
  | {
      readonly type: 'BlockStored';
      readonly blockHashes: readonly BlockHash[];
      /** Block before the first, or null. */
      readonly parentBlockHash: BlockHash | null;
      readonly tokenIds: readonly number[];
      readonly blockSize: number;
      readonly groupId: number;
    }
  | {
      readonly type: 'BlockRemoved';
      readonly blockHashes: readonly BlockHash[];
      readonly groupId: number;
    }
  | { readonly type: 'AllBlocksCleared' };
