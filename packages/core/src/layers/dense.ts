import { concat, logicalAnd, ones, reshape, transpose, type Tensor } from '@tensorflow/tfjs-core';
import type { AttentionType } from '../backends/attention_type.js';
import { createBlockMask } from '../backends/block_mask.js';
import type { MaskMod } from '../backends/mask_mods.js';
import { flashAttention } from '../ops/flash_attention.js';
import { check, shapeText } from '../problem/checks.js';
import type {
  AttentionOptions,
  FlashAttentionOptions,
  Implementation,
} from '../problem/options.js';
import type { AttentionConfig } from './attention_config.js';
import { kerasKeyMask, scoreMask, type MaskKwargs } from './keras_mask.js';

/** One call's tensors, heads apart: `[*, N, H]`, `[*, K, H]`, `[*, K, Hv]`. */
export interface DenseInputs {
  q: Tensor;
  k: Tensor | null;
  v: Tensor | null;
  /** The fourth input. */
  mask: Tensor | null;
  /** The keys as they came, which may carry a Keras mask. */
  keys: Tensor;
  /** Keys that the layer itself put in front: always visible to a mask. */
  keysInFront?: number;
  /** Replaces the causal rule (FLEX_ATTENTION). */
  maskMod?: MaskMod | null;
}

/** What a layer asks of a dense op. */
export type DenseOptions = FlashAttentionOptions & { returnLse?: false };

export function denseOptionsOf(
  config: AttentionConfig,
  implementation: Implementation,
): DenseOptions {
  const { scale, alibiSlopes, slidingWindow, logitsSoftCap, sinks, attnType } = config;
  const { chunkSize, chunkLookback } = config.extraImplArgs as AttentionOptions;
  return {
    softmaxScale: scale,
    causal: attnType === 'decoder',
    logitsSoftCap,
    implementation,
    ...(alibiSlopes && { alibiSlopes }),
    ...(slidingWindow !== null && { slidingWindow }),
    ...(sinks && { sinks }),
    ...(chunkSize !== undefined && { chunkSize }),
    ...(chunkLookback !== undefined && { chunkLookback }),
  };
}

/** Attends within `[B, S]`; a rank without B is one sequence. Returns q's form with Hv. */
export function attendDense(
  op: string,
  { q, k, v, mask, keys, keysInFront = 0, maskMod }: DenseInputs,
  options: DenseOptions,
  attnType: AttentionType,
  kwargs: MaskKwargs,
): Tensor {
  check(
    k !== null && v !== null,
    op,
    'without a forward context there is no cache to read: give key and value',
  );
  check(
    q.rank === 3 || q.rank === 4,
    op,
    `without a forward context q must be [S, ...] or [B, S, ...], got ${shapeText(q.shape)} with heads apart`,
  );
  const batched = (x: Tensor) => (x.rank === 3 ? reshape(x, [1, ...x.shape]) : x);
  const [batch, width] = batched(k).shape;
  const numKeys = width - keysInFront;
  const visible =
    mask ?? kerasKeyMask(keys, batch, numKeys, kwargs, attnType !== 'encoder_decoder');
  const widened = () => {
    const scores = scoreMask(op, visible as Tensor, batch);
    if (keysInFront === 0) return scores;
    return concat([ones([...scores.shape.slice(0, 3), keysInFront], 'bool'), scores], 3);
  };
  const masks = [
    ...(visible ? [widened()] : []),
    ...(maskMod ? [evaluated(maskMod, batched(q).shape, width)] : []),
  ];
  return flashAttention(batched(q), batched(k), batched(v), {
    ...options,
    ...(maskMod && { causal: false }),
    ...(masks.length > 0 && { mask: masks.reduce((a, b) => logicalAnd(a, b)) }),
  });
}

/** A mask function as `[B, N or 1, Q, S]`. */
function evaluated(maskMod: MaskMod, [batch, queryLen, numHeads]: number[], kvLen: number): Tensor {
  const heads = maskMod.perHead === true ? numHeads : 1;
  const packed = createBlockMask(maskMod, { batch, heads, queryLen, kvLen }).toTensor();
  return transpose(reshape(packed, [heads, batch, queryLen, kvLen]), [1, 0, 2, 3]);
}
