import * as tf from '@tensorflow/tfjs-core';
import { Attention } from '@tfjs-attention/core';
import { rmsNorm } from '../../generate/src/model/rms_norm.js';
import { makeRopeTables, ropeFrequencies, type RopeTables } from '../../generate/src/model/rope.js';
import { BYTE_VOCAB } from './byte_tokenizer.js';
import type { Batch } from './batches.js';
import { product } from './product.js';
import {
  headSizeOf,
  RMS_NORM_EPS,
  ROPE_THETA,
  weightShapes,
  type ModelShape,
} from './model_shape.js';

/** A decoder with weights that can be trained, from stock tfjs ops and one `Attention` layer a block. */
export class TrainableModel {
  /** By name in a checkpoint. */
  readonly weights: ReadonlyMap<string, tf.Variable>;
  private readonly attention: readonly Attention[];
  private readonly rope: RopeTables;
  private readonly eps: tf.Scalar;

  constructor(
    readonly shape: ModelShape,
    seed: number,
  ) {
    const headSize = headSizeOf(shape);
    this.weights = new Map(
      Object.entries(weightShapes(shape)).map(([name, axes], i) => [
        name,
        tf.tidy(() => tf.variable(firstValues(axes, seed + i))),
      ]),
    );
    this.attention = Array.from(
      { length: shape.numLayers },
      () =>
        new Attention({
          numHeads: shape.numHeads,
          numKvHeads: shape.numKvHeads,
          headSize,
          scale: headSize ** -0.5,
        }),
    );
    const rope = { type: 'default', theta: ROPE_THETA } as const;
    const { maxPositions } = shape;
    this.rope = makeRopeTables(ropeFrequencies(rope, headSize, maxPositions), maxPositions);
    this.eps = tf.scalar(RMS_NORM_EPS);
  }

  /** Mean of -ln(probability of the next token), in nats. */
  loss({ inputs, targets }: Batch): tf.Scalar {
    const wanted = tf.oneHot(tf.reshape(targets, [-1]), BYTE_VOCAB);
    return tf.losses.softmaxCrossEntropy<tf.Tensor, tf.Scalar>(wanted, this.logits(inputs));
  }

  /** Scores `[B * S, V]` of what follows each of the ids `[B, S]`. */
  logits(ids: tf.Tensor2D): tf.Tensor2D {
    const [batch, length] = ids.shape;
    const embedding = this.weight('model.embed_tokens.weight');
    // A product, because tfjs-wasm has no gradient of gather.
    const chosen = tf.oneHot(tf.reshape(ids, [-1]), BYTE_VOCAB);
    let x = product(tf.cast(chosen, 'float32') as tf.Tensor2D, embedding);
    for (let i = 0; i < this.shape.numLayers; i++) x = this.block(x, i, batch, length);
    return product(this.norm(x, 'model.norm'), tf.transpose(embedding));
  }

  dispose(): void {
    const { cos, sin, turn } = this.rope;
    tf.dispose([...this.weights.values(), cos, sin, turn, this.eps]);
    this.attention.forEach((layer) => layer.dispose());
  }

  private block(x: tf.Tensor2D, i: number, batch: number, length: number): tf.Tensor2D {
    const layer = `model.layers.${i}`;
    const { numHeads, numKvHeads } = this.shape;
    const before = this.norm(x, `${layer}.input_layernorm`);
    const heads = (name: string, count: number) =>
      tf.reshape(this.project(before, `${layer}.self_attn.${name}`), [batch, length, count, -1]);
    const q = this.rotate(heads('q_proj', numHeads), length);
    const k = this.rotate(heads('k_proj', numKvHeads), length);
    const attended = this.attention[i].apply([q, k, heads('v_proj', numKvHeads)]) as tf.Tensor;
    const rows: tf.Tensor2D = tf.reshape(attended, [batch * length, -1]);
    const between = tf.add<tf.Tensor2D>(x, this.project(rows, `${layer}.self_attn.o_proj`));
    const fed = this.norm(between, `${layer}.post_attention_layernorm`);
    const gate = this.project(fed, `${layer}.mlp.gate_proj`);
    const open = tf.mul(gate, tf.sigmoid(gate));
    const mixed = tf.mul<tf.Tensor2D>(open, this.project(fed, `${layer}.mlp.up_proj`));
    return tf.add(between, this.project(mixed, `${layer}.mlp.down_proj`));
  }

  /** Rotary embedding of heads `[B, S, N, H]`. */
  private rotate(heads: tf.Tensor, length: number): tf.Tensor {
    const { cos, sin, turn } = this.rope;
    const rows = (table: tf.Tensor3D) => tf.slice(table, 0, length);
    const turned = product(tf.reshape(heads, [-1, turn.shape[0]]), turn);
    return tf.add(tf.mul(heads, rows(cos)), tf.mul(tf.reshape(turned, heads.shape), rows(sin)));
  }

  private norm(x: tf.Tensor2D, name: string): tf.Tensor2D {
    return rmsNorm(x, this.weight(name + '.weight'), this.eps);
  }

  private project(x: tf.Tensor2D, name: string): tf.Tensor2D {
    return product(x, tf.transpose(this.weight(name + '.weight')));
  }

  private weight(name: string): tf.Tensor2D {
    const weight = this.weights.get(name);
    if (weight === undefined) throw new Error(`the model has no weight '${name}'`);
    return weight as unknown as tf.Tensor2D;
  }
}

/** Norms begin as 1, matrices as normal numbers that keep a row's size. */
function firstValues(axes: readonly number[], seed: number): tf.Tensor {
  return axes.length === 1
    ? tf.ones([...axes])
    : tf.randomNormal([...axes], 0, 0.7 / Math.sqrt(axes[1]), 'float32', seed);
}
