import './register.js';

export { registerKerasLayers } from './register.js';
export { CachedMultiHeadAttention } from './cached_multi_head_attention.js';
export type { CallKwargs } from './call.js';
export type { CallInput } from './call_inputs.js';
export {
  GroupedQueryAttention,
  GroupedQueryAttention as GroupQueryAttention,
  type GroupedQueryAttentionArgs,
} from './grouped_query_attention.js';
export type { Given } from './keras_objects.js';
export { AttentionMaskTensor } from './mask_tensor.js';
export { MultiHeadAttention, type MultiHeadAttentionArgs } from './multi_head_attention.js';
export type { KerasAttentionArgs } from './options.js';
