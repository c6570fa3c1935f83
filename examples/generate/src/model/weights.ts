import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import type { ModelConfig } from '../config/config.js';
import { demand } from '../user_error.js';
import { loadExperts } from './expert_weights.js';
import type { FeedForwardWeights } from './feed_forward.js';
import type { AttentionWeights } from './self_attention.js';
import { WeightLoader, type Part } from './weight_loader.js';

export interface LayerWeights {
  beforeAttention: Tensor1D;
  attention: AttentionWeights;
  /** Of what attention adds. */
  afterAttention?: Tensor1D;
  beforeFeedForward: Tensor1D;
  feedForward: FeedForwardWeights;
  /** Of what the feed-forward block adds. */
  afterFeedForward?: Tensor1D;
}

export interface ModelWeights {
  /** `[V, D]`; absent where it is the transposed head. */
  embedding?: Tensor2D;
  layers: LayerWeights[];
  norm: Tensor1D;
  /** `[D, V]` */
  head: Tensor2D;
  /** All of them, to be disposed. */
  tensors: readonly Tensor[];
}

/**
 * Uploads a checkpoint's weights to the active tfjs backend, once, as float32 and transposed.
 *
 * @throws UserError naming file and tensor where one is missing or has another shape than the config asks for, or where
 *   a layer has one that this architecture does not know.
 */
export function loadWeights(
  checkpoint: Checkpoint,
  config: ModelConfig,
  onLayer: (done: number) => void = () => undefined,
): ModelWeights {
  const { vocabSize: V, hiddenSize: D, numLayers, tiedEmbeddings, architecture } = config;
  const embed = 'model.embed_tokens.weight';
  const load = new WeightLoader(checkpoint, architecture.normOffset);
  try {
    const layers: LayerWeights[] = [];
    for (let i = 0; i < numLayers; i++) {
      layers.push(loadLayer(load, config, `model.layers.${i}`));
      onLayer(i + 1);
    }
    const norm = load.norm('model.norm.weight', D);
    const head = load.matrix([[tiedEmbeddings ? embed : 'lm_head.weight', V]], D);
    const embedding = tiedEmbeddings ? undefined : load.rows(embed, V, D);
    refuseUnread(checkpoint, config);
    const { tensors } = load;
    return { layers, norm, head, tensors, ...(embedding && { embedding }) };
  } catch (error) {
    load.tensors.forEach((tensor) => tensor.dispose());
    throw error;
  }
}

function loadLayer(load: WeightLoader, config: ModelConfig, layer: string): LayerWeights {
  const { blockNorms: names } = config.architecture;
  const norm = (name: string) => load.norm(`${layer}.${name}.weight`, config.hiddenSize);
  return {
    beforeAttention: norm(names.beforeAttention),
    attention: loadAttention(load, config, `${layer}.self_attn`),
    ...(names.afterAttention && { afterAttention: norm(names.afterAttention) }),
    beforeFeedForward: norm(names.beforeFeedForward),
    feedForward: loadFeedForward(load, config, `${layer}.mlp`),
    ...(names.afterFeedForward && { afterFeedForward: norm(names.afterFeedForward) }),
  };
}

function loadAttention(load: WeightLoader, config: ModelConfig, name: string): AttentionWeights {
  const { hiddenSize: D, headSize: H, numHeads: N, numKvHeads: K, architecture } = config;
  const qkv: Part[] = [
    [`${name}.q_proj`, N * H],
    [`${name}.k_proj`, K * H],
    [`${name}.v_proj`, K * H],
  ];
  const norms: Part[] = [
    [`${name}.q_norm.weight`, N],
    [`${name}.k_norm.weight`, K],
  ];
  return {
    qkv: load.linear(qkv, D, config.qkvBias),
    ...(architecture.qkNorm && { qkNorm: load.headNorms(norms, H) }),
    ...(architecture.sinks && { sinks: [...load.checkpoint.read(`${name}.sinks`, [N])] }),
    output: load.linear([[`${name}.o_proj`, D]], N * H, config.outputBias),
  };
}

function loadFeedForward(
  load: WeightLoader,
  config: ModelConfig,
  name: string,
): FeedForwardWeights {
  const { hiddenSize: D, intermediateSize: I, experts, mlpBias } = config;
  if (experts !== null) return loadExperts(load, config, experts, name);
  const gateUp: Part[] = [
    [`${name}.gate_proj`, I],
    [`${name}.up_proj`, I],
  ];
  return {
    gateUp: load.linear(gateUp, D, mlpBias),
    down: load.linear([[`${name}.down_proj`, D]], I, mlpBias),
  };
}

/** Tables that older checkpoints hold and the config says anyway. */
const DERIVED = /\.rotary_emb\.inv_freq$/;

/** A weight in a layer that nothing reads means other maths than what would be computed. */
function refuseUnread(checkpoint: Checkpoint, { numLayers, architecture }: ModelConfig): void {
  const layerOf = (tensor: string) => Number(/^model\.layers\.(\d+)\./.exec(tensor)?.[1] ?? NaN);
  const foreign = checkpoint
    .unread()
    .find((tensor) => layerOf(tensor) < numLayers && !DERIVED.test(tensor));
  demand(
    foreign === undefined,
    `${checkpoint.source}: tensor '${foreign}' has no place in ${architecture.name}`,
  );
}
