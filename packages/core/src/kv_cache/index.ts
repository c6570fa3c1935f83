export { KvCacheBlock, KvCacheBlock as KVCacheBlock } from './block.js';
export {
  extendBlockHashes,
  getBlockHash,
  getGroupId,
  hashBlockTokens,
  makeBlockHashWithGroupId,
  NONE_HASH,
  type BlockHash,
  type BlockHashWithGroupId,
  type ExtraKeys,
} from './block_hash.js';
export { BlockHashToBlockMap } from './block_map.js';
export { BlockPool, type HashedTokens } from './block_pool.js';
export { BlockTable, type BlockTableOptions } from './block_table.js';
export { KvCacheCoordinator, type CoordinatorOptions, type SlotRequest } from './coordinator.js';
export { FreeBlockList, FreeBlockList as FreeKVCacheBlockQueue } from './free_list.js';
export { HostKvBlocks } from './host_blocks.js';
export { KvCache, type KvCacheOptions } from './kv_cache.js';
export { KvCacheBlocks, KvCacheBlocks as KVCacheBlocks } from './kv_cache_blocks.js';
export {
  makeKvCacheConfig,
  type KvCacheConfig,
  type KvCacheConfig as KVCacheConfig,
  type KvCacheGroupSpec,
  type KvCacheGroupSpec as KVCacheGroupSpec,
  type KvCacheTensor,
  type KvCacheTensor as KVCacheTensor,
} from './kv_cache_config.js';
export {
  KvCacheManager,
  KvCacheManager as KVCacheManager,
  type AllocateSlotsOptions,
  type KvCacheManagerOptions,
  type PrefixCacheStats,
} from './kv_cache_manager.js';
export type { KvCacheEvent } from './kv_events.js';
export type { BlockPairs, KvBlockBytes, KvCacheLayout } from './layout.js';
export { ChunkedLocalAttentionManager } from './managers/chunked_local_attention.js';
export { CrossAttentionManager } from './managers/cross_attention.js';
export { FullAttentionManager } from './managers/full_attention.js';
export { getManagerForKvCacheSpec, supportsPrefixCaching } from './managers/index.js';
export { MambaManager } from './managers/mamba.js';
export {
  SingleTypeKvCacheManager,
  SingleTypeKvCacheManager as SingleTypeKVCacheManager,
} from './managers/single_type.js';
export type { CacheableRequest, CacheHitQuery, ManagerOptions } from './managers/single_type.js';
export { RSWAManager } from './managers/rswa.js';
export { SinkFullAttentionManager } from './managers/sink_full_attention.js';
export { SlidingWindowManager } from './managers/sliding_window.js';
export {
  MultiGroupBlockTable,
  type MultiGroupBlockTableOptions,
} from './multi_group_block_table.js';
export { KvCacheRequest, type KvCacheRequestOptions } from './request.js';
export * from './spec.js';
