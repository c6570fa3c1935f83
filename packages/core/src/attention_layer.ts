export { AttentionType } from './backends/attention_type.js';
export { BatchDescriptor } from './batch_descriptor.js';
export { computeChunkedLocalNumTokens, computeSpNumTokens, DPMetadata } from './dp_metadata.js';
export {
  createForwardContext,
  getForwardContext,
  overrideForwardContext,
  setForwardContext,
  ubatchContexts,
  withForwardContext,
  type ForwardContext,
  type ForwardContextOptions,
  type MetadataByLayer,
} from './forward_context.js';
export { Attention } from './layers/attention.js';
export type { AttentionArgs, AttentionConfig } from './layers/attention_config.js';
export { MLAAttention } from './layers/mla_attention.js';
export type { MLAAttentionArgs, MLAAttentionConfig } from './layers/mla_config.js';
export {
  unifiedMlaAttention,
  unifiedMlaAttentionWithOutput,
} from './layers/unified_mla_attention.js';
export {
  getCurrentVllmConfig,
  registerAttentionLayers,
  withCurrentVllmConfig,
} from './layers/static_forward_context.js';
export {
  getAttentionContext,
  maybeCalcKvScales,
  maybeSaveKvLayerToConnector,
  unifiedAttention,
  unifiedAttentionWithOutput,
  waitForKvLayerFromConnector,
  type AttentionContext,
} from './layers/unified_attention.js';
export * from './quantization/index.js';
