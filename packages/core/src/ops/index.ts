export type { BlockMapping } from './blocks.js';
export type { BlockSparseOptions } from './block_sparse.js';
export {
  chunkedPrefillPagedDecode,
  contextAttentionFwd,
  type ContextAttentionOptions,
} from './context_attention.js';
export {
  correctAttnOut,
  cpLseAgOutAr,
  cpLseAgOutRs,
  dcpA2aLseReduce,
  type CpOptions,
} from './context_parallel.js';
export { convertFp8, type ConvertFp8Options } from './convert_fp8.js';
export { copyBlocks } from './copy_blocks.js';
export { dcpAttention, type DcpAttentionOptions } from './dcp_attention.js';
export {
  decodeAttentionFwd,
  decodeAttentionFwdGrouped,
  decodeAttentionFwdNormal,
  decodeAttMFwd,
  decodeSoftmaxReducevFwd,
  type DecodeAttentionOptions,
} from './decode_attention.js';
export { flashAttention } from './flash_attention.js';
export { flashAttnVarlenFunc, type FlashAttnVarlenOptions } from './flash_attn_varlen.js';
export { gatherCache } from './gather_cache.js';
export { mergeAttnStates, type MergeOptions } from './merge_attn_states.js';
export { packSeqTriton, unpackSeqTriton } from './pack_seq.js';
export { PagedAttention } from './paged_attn.js';
export { pagedAttention } from './paged_attention.js';
export {
  pagedAttentionV1,
  pagedAttentionV2,
  PARTITION_SIZE,
  usesPartitions,
  type PagedDecodeOptions,
} from './paged_decode.js';
export { reshapeAndCache } from './reshape_and_cache.js';
export { reshapeAndCacheFlash, tritonReshapeAndCacheFlash } from './reshape_and_cache_flash.js';
export { swapBlocks } from './swap_blocks.js';
export type { CpGroup } from '../parallel/cp_group.js';
export { runInProcessGroup } from '../parallel/in_process_group.js';
export {
  BLOCK_LAYOUTS,
  readCacheBlocks,
  writeCacheBlocks,
  type BlockLayout,
} from './block_layouts.js';
export { concatAndCacheMla } from './concat_and_cache_mla.js';
export { flashMlaSparsePrefill, flashMlaWithKvcache, type FlashMlaOptions } from './flashmla.js';
export { isFlashmlaDenseSupported, isFlashmlaSparseSupported } from './flashmla_support.js';
export { Fp8DsMlaCache, type Fp8DsMlaCacheOptions } from './fp8_ds_mla_cache.js';
export {
  cpGatherCache,
  gatherAndMaybeDequantCache,
  type GatherOptions,
} from './gather_and_maybe_dequant_cache.js';
export { tritonConvertReqIndexToGlobalIndex, type GlobalIndexOptions } from './global_index.js';
export {
  cpGatherIndexerKQuantCache,
  IndexerKCache,
  indexerKQuantAndCache,
  type IndexerKCacheOptions,
  type ScaleFormat,
} from './indexer_cache.js';
export { fp8MqaLogits, fp8PagedMqaLogits, topkIndices } from './mqa_logits.js';
export {
  planSlots,
  slotAttention,
  type SlotAttentionOptions,
  type SlotPlan,
} from './slot_attention.js';
export type { BlockTableRows } from './table_slots.js';
export {
  convertVerticalSlashIndexes,
  type VerticalSlashIndexes,
  type VerticalSlashOptions,
} from './vertical_slash.js';
