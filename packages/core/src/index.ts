export * from './backends/index.js';
export * from './errors.js';
export * from './attention_layer.js';
export * from './kv_transfer/index.js';
export * from './layers/index.js';
export * from './ops/index.js';
export * from './utils/index.js';
export {
  AttnBackendSupport,
  explainAttnBackend,
  getAttnBackend,
  getEnvVariableAttnBackend,
  getGlobalForcedAttnBackend,
  globalForceAttnBackend,
  globalForceAttnBackendContextManager,
  isAttnBackendSupported,
  withForcedAttnBackend,
} from './selector.js';
export type { AttnSelectorArgs, Rejection, Selection } from './selector.js';
export type * from './config.js';
export * from './kv_cache/index.js';
export type {
  AttentionOptions,
  AttentionResult,
  FlashAttentionOptions,
  Implementation,
  MmPrefixRanges,
  PerHead,
} from './problem/options.js';
export { KV_CACHE_DTYPES, type KvCacheDtype } from './problem/params.js';
export type { Precision } from './problem/spec.js';
export { announcedBackends, describeKernels, ready } from './registry.js';
