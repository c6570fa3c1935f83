import type { Tensor, Variable } from '@tensorflow/tfjs-core';
import { unifiedAttention, unifiedAttentionWithOutput } from './unified_attention.js';

/**
 * One step of the latent attention layer of that name (vLLM op `unified_mla_attention`): q `[T, N, P+R]`, kvCNormed
 * `[T, L]`, kPe `[T, R]` or `[T, 1, R]`; returns `[T, N*V]`.
 *
 * @throws MissingMetadataError outside a context, or where it does not know the layer.
 */
export function unifiedMlaAttention(
  q: Tensor,
  kvCNormed: Tensor,
  kPe: Tensor,
  layerName: string,
): Tensor {
  return unifiedAttention(q, kvCNormed, kPe, layerName);
}

/** As {@link unifiedMlaAttention}, into a variable `[T, N*V]` (vLLM op `unified_mla_attention_with_output`). */
export function unifiedMlaAttentionWithOutput(
  q: Tensor,
  kvCNormed: Tensor,
  kPe: Tensor,
  output: Variable,
  layerName: string,
): void {
  unifiedAttentionWithOutput(q, kvCNormed, kPe, output, layerName);
}
