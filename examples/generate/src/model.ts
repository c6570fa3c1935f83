import {
  add,
  dispose,
  fused,
  gather,
  matMul,
  mean,
  mul,
  reshape,
  rsqrt,
  scalar,
  slice,
  split,
  square,
  transpose,
  type Rank,
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
} from '@tensorflow/tfjs-core';
import { Attention } from '@tfjs-attention/core';
import type { ModelConfig } from './config.js';
import type { RopeTables } from './rope.js';
import {
  disposeWeights,
  type LayerWeights,
  type ModelWeights,
  type Projection,
} from './weights.js';

/**
 * A Llama-like decoder from stock tfjs ops and one `Attention` layer a block. It runs inside `withForwardContext`,
 * which brings each layer's cache under its name in {@link layerNames}. Call it inside `tf.tidy`.
 */
export class LlamaModel {
  /** Names under which the attention layers look for their caches. */
  readonly layerNames: readonly string[];
  private readonly attention: readonly Attention[];
  private readonly eps: Scalar;

  /** Takes ownership of weights and tables. */
  constructor(
    readonly config: ModelConfig,
    private readonly weights: ModelWeights,
    private readonly rope: RopeTables,
  ) {
    const { numHeads, numKvHeads, headSize, slidingWindows } = config;
    this.layerNames = slidingWindows.map((_, i) => `model.layers.${i}.self_attn.attn`);
    this.attention = slidingWindows.map(
      (slidingWindow, i) =>
        new Attention({
          name: this.layerNames[i],
          numHeads,
          headSize,
          numKvHeads,
          ...(slidingWindow !== null && { slidingWindow }),
        }),
    );
    this.eps = scalar(config.rmsNormEps);
  }

  /** Hidden states `[T, D]` after the last block of token `ids` `[T]` (int32), the first of which is at `position`. */
  hidden(ids: Tensor1D, position: number): Tensor2D {
    const tokens = ids.size;
    const cos = slice(this.rope.cos, [position], [tokens]);
    const sin = slice(this.rope.sin, [position], [tokens]);
    let x = this.embed(ids);
    this.weights.layers.forEach((layer, i) => {
      x = add(x, this.attend(layer, this.attention[i], x, cos, sin));
      x = add(x, this.feedForward(layer, x));
    });
    return x;
  }

  /** Next-token scores `[T, V]` of hidden states `[T, D]`. */
  logits(hidden: Tensor2D): Tensor2D {
    return matMul(this.normalize(hidden, this.weights.norm), this.weights.head);
  }

  dispose(): void {
    disposeWeights(this.weights);
    dispose([this.rope.cos, this.rope.sin, this.rope.turn, this.eps]);
  }

  private embed(ids: Tensor1D): Tensor2D {
    const { embedding, head } = this.weights;
    return embedding ? gather(embedding, ids) : transpose(gather(head, ids, 1));
  }

  private attend(
    weights: LayerWeights,
    attention: Attention,
    x: Tensor2D,
    cos: Tensor,
    sin: Tensor,
  ): Tensor2D {
    const { numHeads: N, numKvHeads: K, headSize: H } = this.config;
    const qkv = project(this.normalize(x, weights.inputNorm), weights.qkv);
    const [qk, v] = split(qkv, [(N + K) * H, K * H], 1);
    const turned = matMul(reshape(qk, [-1, H]), this.rope.turn);
    const heads = [-1, N + K, H];
    const rotated = add(mul(reshape(qk, heads), cos), mul(reshape(turned, heads), sin));
    const [q, k] = split(rotated, [N, K], 1);
    const attended = attention.apply([q, k, reshape(v, [-1, K, H])]) as Tensor;
    return project(reshape<Rank.R2>(attended, [x.shape[0], N * H]), weights.output);
  }

  private feedForward(weights: LayerWeights, x: Tensor2D): Tensor2D {
    const both = project(this.normalize(x, weights.postNorm), weights.gateUp);
    const [gate, up] = split(both, 2, 1) as [Tensor2D, Tensor2D];
    return project(mul(this.config.activation(gate), up), weights.down);
  }

  /** RMSNorm (Zhang and Sennrich, 2019): x / sqrt(mean(x^2) + eps) * weight. */
  private normalize(x: Tensor2D, weight: Tensor1D): Tensor2D {
    const scale = rsqrt(add(mean(square(x), 1, true), this.eps));
    return mul(mul(x, scale), weight);
  }
}

function project(x: Tensor2D, { matrix, bias }: Projection): Tensor2D {
  return bias ? (fused.matMul({ a: x, b: matrix, bias }) as Tensor2D) : matMul(x, matrix);
}
