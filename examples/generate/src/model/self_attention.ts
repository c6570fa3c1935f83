import { add, matMul, mul, reshape, split, type Rank, type Tensor } from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { Attention } from '@tfjs-attention/core';
import type { ModelConfig } from '../config/config.js';
import { project, type Projection } from './projection.js';
import { rmsNorm } from './rms_norm.js';
import type { Rotation } from './rope.js';

export interface AttentionWeights {
  /** Queries, keys and values side by side: `[D, (N + 2K) * H]`. */
  qkv: Projection;
  /** Norms of each query and key head: `[1, N + K, H]`. */
  qkNorm?: Tensor3D;
  /** `[N]`; numbers of the host, which become part of the attention layer. */
  sinks?: readonly number[];
  output: Projection;
}

/** What one step brings to every layer. */
export interface StepTensors {
  rotation: Rotation;
  /** Of the norms. */
  eps: Tensor;
  /** Sees the layer's queries `[T, N, H]`. */
  onQueries?: (q: Tensor3D) => void;
}

/** Self-attention of x `[T, D]` over the cache that the forward context holds for `attention`. */
export function selfAttention(
  x: Tensor2D,
  weights: AttentionWeights,
  attention: Attention,
  { numHeads: N, numKvHeads: K, headSize: H }: ModelConfig,
  { rotation, eps, onQueries }: StepTensors,
): Tensor2D {
  const [qk, v] = split(project(x, weights.qkv), [(N + K) * H, K * H], 1);
  const heads = reshape<Rank.R3>(qk, [-1, N + K, H]);
  const normed = weights.qkNorm ? rmsNorm(heads, weights.qkNorm, eps) : heads;
  const [q, k] = split<Tensor3D>(rotate(normed, rotation), [N, K], 1);
  onQueries?.(q);
  const attended = attention.apply([q, k, reshape(v, [-1, K, H])]) as Tensor;
  return project(reshape<Rank.R2>(attended, [x.shape[0], N * H]), weights.output);
}

function rotate(heads: Tensor3D, { cos, sin, turn }: Rotation): Tensor3D {
  const turned = matMul(reshape(heads, [-1, heads.shape[2]]), turn);
  return add(mul(heads, cos), mul(reshape(turned, heads.shape), sin));
}
