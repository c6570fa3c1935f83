export { convertFp8, type ConvertFp8Options } from './convert_fp8.js';
export { copyBlocks } from './copy_blocks.js';
export { flashAttention } from './flash_attention.js';
export { gatherCache } from './gather_cache.js';
export { mergeAttnStates, type MergeOptions } from './merge_attn_states.js';
export { pagedAttention } from './paged_attention.js';
export { reshapeAndCache } from './reshape_and_cache.js';
export { swapBlocks } from './swap_blocks.js';
export type { BlockMapping } from './blocks.js';
