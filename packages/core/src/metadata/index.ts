export { AttentionCGSupport, AttentionMetadataBuilder } from './builder.js';
export {
  cascadePrefixLen,
  defaultNumSms,
  useCascadeAttention,
  type CascadeOptions,
} from './cascade.js';
export { computeCausalConv1dMetadata, type CausalConv1dMetadata } from './causal_conv1d.js';
export {
  CommonAttentionMetadata,
  type CommonAttentionMetadataOptions,
} from './common_attention_metadata.js';
export { getDcpLocalSeqLens } from './dcp.js';
export {
  createFastPrefillCustomBackend,
  makeKvSharingFastPrefillCommonAttnMetadata,
  type KVSharingFastPrefillMetadata,
} from './fast_prefill.js';
export {
  getKvCacheLayout,
  isValidKvCacheLayout,
  setConnectorKvCacheLayout,
  setKvCacheLayout,
  type KvCacheLayoutName,
} from './kv_cache_layout.js';
export { makeLocalAttentionVirtualBatches } from './local_attention.js';
export {
  getPerLayerParameters,
  inferGlobalHyperparameters,
  type PerLayerParameters,
} from './per_layer_parameters.js';
export { splitPrefillChunks } from './prefill_chunks.js';
export {
  reorderBatchToSplitDecodesAndPrefills,
  type ReorderableBatch,
  type ScheduledTokens,
} from './reorder.js';
export { reshapeAttnOutputForSpecDecode, reshapeQueryForSpecDecode } from './spec_decode.js';
export { splitDecodesAndPrefills } from './split.js';
export { subclassAttentionBackend } from './subclass_backend.js';
export { subclassAttentionMetadata } from './subclass_metadata.js';
export {
  checkUbatchThresholds,
  createUbatchSlices,
  isSecondUbatchEmpty,
  makeMetadataWithSlice,
  sliceQueryStartLocs,
  splitAttnMetadata,
  UBatchSlice,
  type Slice,
} from './ubatch.js';
