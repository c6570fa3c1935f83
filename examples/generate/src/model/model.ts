import { add, dispose, gather, matMul, mul, scalar, transpose } from '@tensorflow/tfjs-core';
import type { Scalar, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import { Attention } from '@tfjs-attention/core';
import type { ModelConfig } from '../config/config.js';
import { feedForward } from './feed_forward.js';
import { rmsNorm } from './rms_norm.js';
import { rotationAt, type RopeTables } from './rope.js';
import { selfAttention, type StepTensors } from './self_attention.js';
import { softCap } from './soft_cap.js';
import type { LayerWeights, ModelWeights } from './weights.js';

/** Sees the queries `[T, N, H]` of a block. */
export type QueryObserver = (layer: number, q: Tensor3D) => void;

/**
 * A decoder from stock tfjs ops and one `Attention` layer a block. It runs inside `withForwardContext`, which brings
 * each layer's cache under its name in {@link layerNames}. Call it inside `tf.tidy`.
 */
export class DecoderModel {
  /** Names under which the attention layers look for their caches. */
  readonly layerNames: readonly string[];
  /** One a block. */
  readonly attention: readonly Attention[];
  private readonly eps: Scalar;

  /** Takes ownership of weights and tables. */
  constructor(
    readonly config: ModelConfig,
    private readonly weights: ModelWeights,
    private readonly rope: RopeTables,
  ) {
    this.layerNames = weights.layers.map((_, i) => `model.layers.${i}.self_attn.attn`);
    this.attention = weights.layers.map((layer, i) =>
      makeAttention(this.layerNames[i], config, layer, config.slidingWindows[i]),
    );
    this.eps = scalar(config.rmsNormEps);
  }

  /**
   * Hidden states `[T, D]` after the last block of token `ids` `[T]` at their `positions` `[T]`, both int32.
   * `onQueries` sees each block's queries `[T, N, H]` as they meet the keys.
   */
  hidden(ids: Tensor1D, positions: Tensor1D, onQueries?: QueryObserver): Tensor2D {
    const step = { rotation: rotationAt(this.rope, positions), eps: this.eps };
    let x = this.embed(ids);
    this.weights.layers.forEach((layer, i) => {
      const onLayerQueries = onQueries && ((q: Tensor3D) => onQueries(i, q));
      x = this.block(x, layer, this.attention[i], { ...step, onQueries: onLayerQueries });
    });
    return x;
  }

  /** Next-token scores `[T, V]` of hidden states `[T, D]`. */
  logits(hidden: Tensor2D): Tensor2D {
    const { norm, head } = this.weights;
    return softCap(matMul(rmsNorm(hidden, norm, this.eps), head), this.config.finalSoftCap);
  }

  dispose(): void {
    const { cos, sin, turn } = this.rope;
    dispose([...this.weights.tensors, cos, sin, turn, this.eps]);
  }

  private embed(ids: Tensor1D): Tensor2D {
    const { embedding, head } = this.weights;
    const { embeddingScale } = this.config;
    const x: Tensor2D = embedding ? gather(embedding, ids) : transpose(gather(head, ids, 1));
    return embeddingScale === 1 ? x : mul(x, embeddingScale);
  }

  private block(
    x: Tensor2D,
    layer: LayerWeights,
    attention: Attention,
    step: StepTensors,
  ): Tensor2D {
    const norm = (y: Tensor2D, weight?: Tensor1D) => (weight ? rmsNorm(y, weight, this.eps) : y);
    const { config } = this;
    const before = norm(x, layer.beforeAttention);
    const attended = selfAttention(before, layer.attention, attention, config, step);
    const between: Tensor2D = add(x, norm(attended, layer.afterAttention));
    const fed = feedForward(
      norm(between, layer.beforeFeedForward),
      layer.feedForward,
      config.activation,
    );
    return add(between, norm(fed, layer.afterFeedForward));
  }
}

function makeAttention(
  name: string,
  { numHeads, numKvHeads, headSize, softmaxScale: scale, logitsSoftCap }: ModelConfig,
  { attention: { sinks } }: LayerWeights,
  slidingWindow: number | null,
): Attention {
  return new Attention({
    name,
    numHeads,
    headSize,
    numKvHeads,
    scale,
    logitsSoftCap,
    ...(slidingWindow !== null && { slidingWindow }),
    ...(sinks && { sinks }),
  });
}
