import { serialization } from '@tensorflow/tfjs-core';
import { CachedMultiHeadAttention } from './cached_multi_head_attention.js';
import { GroupedQueryAttention } from './grouped_query_attention.js';
import { AttentionMaskTensor } from './mask_tensor.js';
import { MultiHeadAttention } from './multi_head_attention.js';

/** Keras's Python class of that name; its own configs say 'GroupQueryAttention'. */
class GroupedQueryAttentionAsRead extends GroupedQueryAttention {
  static override className = 'GroupedQueryAttention';

  override getClassName(): string {
    return GroupedQueryAttention.className;
  }
}

/** Makes tfjs know the layers by their names; again does no harm. Importing the package has done it. */
export function registerKerasLayers(): void {
  for (const layer of [
    MultiHeadAttention,
    GroupedQueryAttention,
    GroupedQueryAttentionAsRead,
    CachedMultiHeadAttention,
    AttentionMaskTensor,
  ]) {
    serialization.registerClass(layer);
  }
}

registerKerasLayers();
