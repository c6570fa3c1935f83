import { BYTE_VOCAB } from './byte_tokenizer.js';

/** Sizes of a decoder. */
export interface ModelShape {
  numLayers: number;
  /** D */
  hiddenSize: number;
  intermediateSize: number;
  /** N, K */
  numHeads: number;
  numKvHeads: number;
  /** Longest text. */
  maxPositions: number;
}

export const ROPE_THETA = 10000;
export const RMS_NORM_EPS = 1e-5;

/** H */
export function headSizeOf({ hiddenSize, numHeads }: ModelShape): number {
  return hiddenSize / numHeads;
}

/** config.json of the shape: Llama's maths, the head tied to the embedding. */
export function configJson(shape: ModelShape): object {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: BYTE_VOCAB,
    hidden_size: shape.hiddenSize,
    intermediate_size: shape.intermediateSize,
    num_hidden_layers: shape.numLayers,
    num_attention_heads: shape.numHeads,
    num_key_value_heads: shape.numKvHeads,
    max_position_embeddings: shape.maxPositions,
    rms_norm_eps: RMS_NORM_EPS,
    rope_theta: ROPE_THETA,
    hidden_act: 'silu',
    attention_bias: false,
    mlp_bias: false,
    tie_word_embeddings: true,
    torch_dtype: 'float32',
  };
}

/** Every weight by its name in a checkpoint, `[out, in]`. */
export function weightShapes(shape: ModelShape): Record<string, number[]> {
  const { hiddenSize: D, intermediateSize: I, numHeads: N, numKvHeads: K } = shape;
  const H = headSizeOf(shape);
  const shapes: Record<string, number[]> = { 'model.embed_tokens.weight': [BYTE_VOCAB, D] };
  for (let i = 0; i < shape.numLayers; i++) {
    const layer = `model.layers.${i}`;
    Object.assign(shapes, {
      [`${layer}.input_layernorm.weight`]: [D],
      [`${layer}.self_attn.q_proj.weight`]: [N * H, D],
      [`${layer}.self_attn.k_proj.weight`]: [K * H, D],
      [`${layer}.self_attn.v_proj.weight`]: [K * H, D],
      [`${layer}.self_attn.o_proj.weight`]: [D, N * H],
      [`${layer}.post_attention_layernorm.weight`]: [D],
      [`${layer}.mlp.gate_proj.weight`]: [I, D],
      [`${layer}.mlp.up_proj.weight`]: [I, D],
      [`${layer}.mlp.down_proj.weight`]: [D, I],
    });
  }
  return { ...shapes, 'model.norm.weight': [D] };
}
