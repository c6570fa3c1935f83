export {
  AttentionBackend,
  type AttentionMetadataBuilderClass,
  type AttentionMetadataClass,
} from './abstract.js';
export { AttentionType } from './attention_type.js';
export {
  AttentionImpl,
  type AttentionImplArgs,
  type AttentionImplClass,
  type AttentionImplExtra,
  type AttentionLayer,
  type KvCacheDtypeName,
} from './impl.js';
export * from '../metadata/index.js';
export { AttentionMetadata } from './metadata.js';
export * from './mla/index.js';
export {
  MLAAttentionImpl,
  type MLAAttentionImplArgs,
  type MLAAttentionImplClass,
  type TopkIndexer,
} from './mla_impl.js';
export { MultipleOf, type BlockSize } from './multiple_of.js';
export { AttentionBackendEnum, type KernelStrategy } from './names.js';
export {
  backendNameToEnum,
  backendToClass,
  backendToClassStr,
  clearOverride,
  isOverridden,
  registerAttnBackend,
  registerBackend,
  STRATEGIES,
} from './registry.js';
export type { AttnSelectorConfig } from './selector_config.js';
export * from './strategies/index.js';
export { getMlaDims, isQuantizedKvCache, PAD_SLOT_ID, type MLADims } from './utils.js';
