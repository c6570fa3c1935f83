export {
  CutlassMLABackend,
  CutlassMLAImpl,
  CutlassMLAMetadataBuilder,
  FlashAttnMLABackend,
  FlashAttnMLAImpl,
  FlashAttnMLAMetadataBuilder,
  FlashInferMLABackend,
  FlashInferMLAImpl,
  FlashInferMLAMetadataBuilder,
  FlashMLABackend,
  FlashMLAImpl,
  FlashMLAMetadataBuilder,
  MAX_HEADS,
  TritonMLABackend,
  TritonMLAImpl,
} from './backends.js';
export { MLACommonMetadataBuilder, QueryLenSupport } from './builder.js';
export { chunkContext, type ContextChunk } from './chunked_context.js';
export { MLACommonBackend } from './common_backend.js';
export { MLACommonImpl } from './impl.js';
export { getMaxPrefillBufferSize, kvSpansFromBatches } from './indexer.js';
export {
  DeepseekV32IndexerMetadata,
  DeepseekV32IndexerMetadataBuilder,
  type DeepSeekV32IndexerDecodeMetadata,
  type DeepseekV32IndexerPrefillChunkMetadata,
  type DeepseekV32IndexerPrefillMetadata,
} from './indexer_metadata.js';
export {
  MLACommonDecodeMetadata,
  MLACommonMetadata,
  MLACommonPrefillMetadata,
  type ChunkedContextMetadata,
  type MLACommonMetadataOptions,
} from './metadata.js';
export { DeepseekV32IndexerBackend, FlashMLASparseBackend } from './sparse_backends.js';
export { FlashMLASparseImpl } from './sparse_impl.js';
export { FlashMLASparseMetadata, FlashMLASparseMetadataBuilder } from './sparse_metadata.js';
