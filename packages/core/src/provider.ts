/** What a backend package needs of core; not for applications. */
export * from './kernels.js';
export {
  registerPlugin,
  type BackendPluginOptions,
  type StockBackendOf,
} from './backend_plugin.js';
export * from './problem/params.js';
export * from './problem/problem.js';
export { specKey, type AttentionSpec, type Precision } from './problem/spec.js';
export type { KvStorage } from './kv_cache/storage.js';
export { cacheParamsOf } from './kv_cache/cache_params.js';
export type { BlockPairs, KvBlockBytes, KvCacheLayout } from './kv_cache/layout.js';
export {
  bytesPerElement,
  bytesPerRow,
  codesPerRow,
  hasTokenScales,
  maxStored,
} from './kv_cache/dtypes.js';
export { int4Code, int4Scale, int4Zero } from './kv_cache/int4.js';
export { decodeRow, encodeRow, measureRow } from './kv_cache/rows.js';
export { decode } from './kv_cache/decode.js';
export { encode } from './kv_cache/encode.js';
export { dropoutHook, dropoutRow } from './reference/dropout.js';
export { countOf, keyRange, wholeTiles, type KeyRange } from './reference/key_range.js';
export { keySpans, seesAll, type Span } from './reference/key_spans.js';
export { maskRules, mayAttend, rangeOf, type MaskRules } from './reference/mask.js';
export {
  announceProvider,
  providerFor,
  retractProvider,
  type AttentionProvider,
} from './registry.js';
export * from './errors.js';
export type { AttentionPlan, PlanResource } from './utils/plan_attention.js';
