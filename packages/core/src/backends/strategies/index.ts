export { BlockMask, createBlockMask } from '../block_mask.js';
export type { BlockMaskShape, BlockMaskSize, RaggedMaskShape } from '../block_mask.js';
export {
  andMasks,
  bidirectionalMaskMod,
  causalMaskMod,
  orMasks,
  slidingWindowMaskMod,
  type MaskMod,
  type TileVisibility,
} from '../mask_mods.js';
export { cascadeAttention } from './cascade_attention.js';
export { encoderAttention } from './encoder.js';
export { FlashAttentionBackend, FlashAttentionImpl } from './flash_attn.js';
export {
  FlashAttentionMetadata,
  FlashAttentionMetadataBuilder,
  type CascadePlans,
  type FlashMetadataOptions,
} from './flash_attn_metadata.js';
export { FlashInferBackend, FlashInferImpl } from './flashinfer.js';
export {
  FlashInferMetadata,
  FlashInferMetadataBuilder,
  type FlashInferMetadataOptions,
  type FlashInferPlanned,
} from './flashinfer_metadata.js';
export { FlexAttentionBackend, FlexAttentionImpl } from './flex_attention.js';
export {
  FlexAttentionMetadata,
  FlexAttentionMetadataBuilder,
  physicalToLogicalMapping,
  type FlexMetadataOptions,
} from './flex_attention_metadata.js';
export {
  ComposedAttentionBackend,
  ComposedAttentionImpl,
  FusedAttentionBackend,
  FusedAttentionImpl,
} from './generic.js';
export { PagedAttentionImpl, type PlainOptions } from './paged_impl.js';
export {
  metadataOptions,
  PagedAttentionMetadata,
  PagedAttentionMetadataBuilder,
  type PagedMetadataOptions,
} from './paged_metadata.js';
export { SplitAttentionImpl } from './split_impl.js';
export { SplitAttentionMetadata, type SplitCounts } from './split_metadata.js';
export {
  TorchSDPABackend,
  TorchSDPABackendImpl,
  TorchSDPAMetadata,
  TorchSDPAMetadataBuilderV1,
} from './torch_sdpa.js';
export { TreeAttentionBackend, TreeAttentionImpl } from './tree_attn.js';
export {
  TreeAttentionMetadata,
  TreeAttentionMetadataBuilder,
  type TreeAttnBias,
  type TreeMetadataOptions,
} from './tree_attn_metadata.js';
export {
  getDepthCounts,
  prepareTreeAttnBias,
  sortTreeChoices,
  type TreeChoices,
} from './tree_bias.js';
export {
  TritonAttentionBackend,
  TritonAttentionImpl,
  TritonAttentionMetadata,
  TritonAttentionMetadataBuilder,
} from './triton_attn.js';
export {
  XFormersAttentionBackend,
  XFormersAttentionImpl,
  XFormersAttentionMetadata,
  XFormersAttentionMetadataBuilder,
} from './xformers.js';
