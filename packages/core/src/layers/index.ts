export { Attention } from './attention.js';
export { ATTENTION_TYPES } from '../backends/attention_type.js';
export type { AttentionArgs, AttentionConfig } from './attention_config.js';
export { AttentionLayerBase } from './attention_layer_base.js';
export {
  ChunkedLocalAttention,
  createChunkedLocalAttentionBackend,
  type ChunkedLocalAttentionArgs,
} from './chunked_local_attention.js';
export { createCrossAttentionBackend, CrossAttention } from './cross_attention.js';
export { getCrossSlotMapping } from './cross_slot_mapping.js';
export {
  createEncoderOnlyAttentionBackend,
  EncoderOnlyAttention,
} from './encoder_only_attention.js';
export {
  MultiHeadLatentAttentionWrapper,
  type BlockIndexer,
  type MLAModules,
  type Projection,
  type RotaryEmbedding,
} from './mla.js';
export { MLAAttention } from './mla_attention.js';
export type { MLAAttentionArgs, MLAAttentionConfig } from './mla_config.js';
export { MMEncoderAttention, type MMEncoderAttentionArgs } from './mm_encoder_attention.js';
export {
  createPrefillPrefixLMAttentionBackend,
  PrefillPrefixLMAttention,
} from './prefill_prefix_lm_attention.js';
export { RSWAAttention, type RSWAAttentionArgs } from './rswa_attention.js';
export {
  createStaticSinkAttentionBackend,
  StaticSinkAttention,
  type StaticSinkAttentionArgs,
} from './static_sink_attention.js';
export {
  getCurrentVllmConfig,
  registerAttentionLayers,
  withCurrentVllmConfig,
} from './static_forward_context.js';
