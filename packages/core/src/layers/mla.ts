import { concat, reshape, split, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import type { TopkIndexer } from '../backends/mla_impl.js';
import { check, checkTensor, shapeText } from '../problem/checks.js';
import { MLAAttention } from './mla_attention.js';
import type { MLAAttentionArgs } from './mla_config.js';

/** A part of a block: a tfjs layer, or any function of a tensor. */
export type Projection = layers.Layer | ((x: Tensor) => Tensor);

/** Turns the rotated lanes of queries `[T, N, R]` and of keys `[T, 1, R]` to their positions `[T]`. */
export type RotaryEmbedding = (
  positions: Int32Array,
  query: Tensor,
  key: Tensor,
) => [query: Tensor, key: Tensor];

/** An indexer that is run inside the block: it fills its buffer before attention reads it. */
export interface BlockIndexer extends TopkIndexer {
  /** @param queryC the compressed query, or null */
  forward(hiddenStates: Tensor, queryC: Tensor | null, positions: Int32Array): void;
}

/** The parts around latent attention (vLLM `MLAModules`), in the model's own sizes. */
export interface MLAModules {
  /** Norm of the latent `[T, L]`. */
  kvALayernorm: Projection;
  /** `[T, L]` to `[T, N*(P+V)]`; null: `kv_b_proj` is the attention layer's own weight. */
  kvBProj: layers.Layer | null;
  rotaryEmb: RotaryEmbedding;
  /** `[T, N*V]` to hidden states. */
  oProj: Projection;
  /** Hidden states to `[T, qLoraRank + L + R]`; with `qALayernorm` and `qBProj` where queries are compressed. */
  fusedQkvAProj: Projection | null;
  /** Hidden states to `[T, L + R]`; with `qProj` where they are not. */
  kvAProjWithMqa: Projection | null;
  qALayernorm: Projection | null;
  qBProj: Projection | null;
  qProj: Projection | null;
  indexer: BlockIndexer | null;
  isSparse: boolean;
  /** What the indexer fills. */
  topkIndicesBuffer: Int32Array | null;
}

const OP = 'MultiHeadLatentAttentionWrapper';

/**
 * A whole latent attention block (DeepSeek-V2, 2024; vLLM `MultiHeadLatentAttentionWrapper`): hidden states `[T, D]` through
 * projections, norms and rotation to {@link MLAAttention} and back to `[T, D]`.
 *
 * @throws InvalidArgumentError where the parts do not go together.
 */
export class MultiHeadLatentAttentionWrapper {
  readonly mlaAttn: MLAAttention;
  private readonly qLoraRank: number | null;

  constructor(
    readonly modules: MLAModules,
    args: Omit<MLAAttentionArgs, 'kvBProj' | 'useSparse' | 'indexer'>,
  ) {
    this.qLoraRank = args.qLoraRank ?? null;
    const wanted =
      this.qLoraRank === null
        ? (['kvAProjWithMqa', 'qProj'] as const)
        : (['fusedQkvAProj', 'qALayernorm', 'qBProj'] as const);
    for (const name of [...wanted, 'kvALayernorm', 'rotaryEmb', 'oProj'] as const) {
      check(
        modules[name] != null,
        OP,
        `modules.${name} is missing; queries are ${this.qLoraRank === null ? 'not ' : ''}compressed`,
      );
    }
    const { isSparse, indexer, kvBProj } = modules;
    check(
      isSparse === (indexer !== null),
      OP,
      'isSparse and indexer come together: an indexer chooses the keys of sparse attention',
    );
    this.mlaAttn = new MLAAttention({ ...args, kvBProj, useSparse: isSparse, indexer });
  }

  /** One step: `positions` `[T]` of the tokens, `hiddenStates` `[T, D]`. Returns `[T, D]`. */
  forwardNative(positions: Int32Array, hiddenStates: Tensor): Tensor {
    checkTensor(hiddenStates, OP, 'hiddenStates', 2, '[T, D]');
    const tokens = hiddenStates.shape[0];
    check(
      positions instanceof Int32Array && positions.length === tokens,
      OP,
      () => `positions must be an Int32Array [T] for hiddenStates ${shapeText(hiddenStates.shape)}`,
    );
    return tidy(OP, () => {
      const { modules } = this;
      const { numHeads, kvLoraRank, qkNopeHeadDim, qkRopeHeadDim } = this.mlaAttn.config;
      const { q, queryC, latent } = this.project(hiddenStates);
      const [kvC, kPe] = split(latent, [kvLoraRank, qkRopeHeadDim], -1);
      const heads = reshape(q, [tokens, numHeads, qkNopeHeadDim + qkRopeHeadDim]);
      const [nope, rope] = split(heads, [qkNopeHeadDim, qkRopeHeadDim], -1);
      const key = reshape(kPe, [tokens, 1, qkRopeHeadDim]);
      const [turned, turnedKey] = modules.rotaryEmb(positions, rope, key);
      modules.indexer?.forward(hiddenStates, queryC, positions);
      const normed = run(modules.kvALayernorm, kvC);
      const out = this.mlaAttn.forward(concat([nope, turned], -1), normed, turnedKey);
      return run(modules.oProj, out);
    });
  }

  dispose(): void {
    this.mlaAttn.dispose();
  }

  private project(hidden: Tensor): { q: Tensor; queryC: Tensor | null; latent: Tensor } {
    const { fusedQkvAProj, qALayernorm, qBProj, kvAProjWithMqa, qProj } = this.modules;
    if (this.qLoraRank === null) {
      return { q: run(qProj, hidden), queryC: null, latent: run(kvAProjWithMqa, hidden) };
    }
    const { kvLoraRank, qkRopeHeadDim } = this.mlaAttn.config;
    const sizes = [this.qLoraRank, kvLoraRank + qkRopeHeadDim];
    const [compressed, latent] = split(run(fusedQkvAProj, hidden), sizes, -1);
    const queryC = run(qALayernorm, compressed);
    return { q: run(qBProj, queryC), queryC, latent };
  }
}

function run(part: Projection | null, x: Tensor): Tensor {
  check(part !== null, OP, 'a part of the block is missing');
  return part instanceof layers.Layer ? (part.apply(x) as Tensor) : part(x);
}
