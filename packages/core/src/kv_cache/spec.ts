export { AttentionKvCacheSpec, type KvCacheSpecOptions } from './spec/attention.js';
export { KvCacheSpec, KvCacheSpec as KVCacheSpec } from './spec/base.js';
export { CrossAttentionSpec, EncoderOnlyAttentionSpec } from './spec/encoder.js';
export {
  FullAttentionSpec,
  MLAAttentionSpec,
  RSWASpec,
  SinkFullAttentionSpec,
  type FullAttentionSpecOptions,
  type MLAAttentionSpecOptions,
} from './spec/full.js';
export { ChunkedLocalAttentionSpec, SlidingWindowSpec } from './spec/local.js';
export { MambaSpec, type MambaSpecOptions } from './spec/mamba.js';
export { UniformTypeKVCacheSpecs } from './spec/uniform.js';
