export * from './backends/index.js';
export * from './errors.js';
export * from './layer.js';
export * from './ops/index.js';
export * from './utils/index.js';
export {
  explainAttnBackend,
  getAttnBackend,
  getGlobalForcedAttnBackend,
  globalForceAttnBackend,
  withForcedAttnBackend,
} from './selector.js';
export type { AttnSelectorConfig, Rejection, Selection } from './selector.js';
export { HostKvBlocks } from './kv_cache/host_blocks.js';
export { KvCache, type KvCacheOptions } from './kv_cache/kv_cache.js';
export type { BlockPairs, KvBlockBytes, KvCacheLayout } from './kv_cache/layout.js';
export {
  ChunkedLocalAttentionSpec,
  CrossAttentionSpec,
  FullAttentionSpec,
  KvCacheSpec,
  MLAAttentionSpec,
  SlidingWindowSpec,
} from './kv_cache/spec.js';
export type { KvCacheSpecOptions } from './kv_cache/spec.js';
export type {
  AttentionOptions,
  AttentionResult,
  FlashAttentionOptions,
  Implementation,
  PerHead,
} from './problem/options.js';
export { KV_CACHE_DTYPES, type KvCacheDtype } from './problem/params.js';
export type { Precision } from './problem/spec.js';
export { announcedBackends, describeKernels, ready } from './registry.js';
