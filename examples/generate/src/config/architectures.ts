/** Whether projections have biases: always, never, or as a field of config.json says. */
export type BiasRule = boolean | { readonly field: string; readonly byDefault: boolean };

/** Which layers see a window only, where config.json does not list `layer_types`. */
export type WindowRule = 'never' | 'every layer' | 'every other layer' | 'from max_window_layers';

/** Names of a block's norms; those after a half normalize what it adds to the residual. */
export interface BlockNorms {
  readonly beforeAttention: string;
  readonly afterAttention?: string;
  readonly beforeFeedForward: string;
  readonly afterFeedForward?: string;
}

/** What tells one decoder from another; a block is composed of it. */
export interface Architecture {
  /** Of config.json's `architectures`. */
  readonly name: string;
  /** Of config.json's `model_type`. */
  readonly modelType: string;
  readonly blockNorms: BlockNorms;
  /** Added to the stored weights of norms: Gemma stores w - 1. */
  readonly normOffset: 0 | 1;
  /** RMS norms of each head's query and key, before they are turned. */
  readonly qkNorm: boolean;
  readonly qkvBias: BiasRule;
  readonly outputBias: BiasRule;
  readonly mlpBias: BiasRule;
  /** A learned score a head that takes part in the softmax and in nothing else. */
  readonly sinks: boolean;
  readonly windows: WindowRule;
  /** Soft caps of attention scores and of logits where config.json names none; null = it has no such fields. */
  readonly softCaps: { readonly attention: number; readonly final: number } | null;
  /** Field whose root divides attention scores; null: the head size's. */
  readonly scaleField: string | null;
  /** Embeddings are multiplied by sqrt(D). */
  readonly scaledEmbeddings: boolean;
  readonly feedForward: 'gated' | 'experts';
  readonly activationField: string;
  /** What config.json may leave out. */
  readonly defaults: {
    readonly headSize?: number;
    readonly maxPositions: number;
    readonly rmsNormEps: number;
    readonly ropeTheta: number;
    readonly ropeScaling?: Readonly<Record<string, unknown>>;
    readonly tiedEmbeddings: boolean;
    readonly activation: string;
  };
}

const LLAMA: Architecture = {
  name: 'LlamaForCausalLM',
  modelType: 'llama',
  blockNorms: {
    beforeAttention: 'input_layernorm',
    beforeFeedForward: 'post_attention_layernorm',
  },
  normOffset: 0,
  qkNorm: false,
  qkvBias: { field: 'attention_bias', byDefault: false },
  outputBias: { field: 'attention_bias', byDefault: false },
  mlpBias: { field: 'mlp_bias', byDefault: false },
  sinks: false,
  windows: 'never',
  softCaps: null,
  scaleField: null,
  scaledEmbeddings: false,
  feedForward: 'gated',
  activationField: 'hidden_act',
  defaults: {
    maxPositions: 2048,
    rmsNormEps: 1e-6,
    ropeTheta: 10000,
    tiedEmbeddings: false,
    activation: 'silu',
  },
};

const MISTRAL: Architecture = {
  ...LLAMA,
  name: 'MistralForCausalLM',
  modelType: 'mistral',
  qkvBias: false,
  outputBias: false,
  mlpBias: false,
  windows: 'every layer',
  defaults: { ...LLAMA.defaults, maxPositions: 131072 },
};

const QWEN2: Architecture = {
  ...LLAMA,
  name: 'Qwen2ForCausalLM',
  modelType: 'qwen2',
  qkvBias: true,
  outputBias: false,
  mlpBias: false,
  windows: 'from max_window_layers',
  defaults: { ...LLAMA.defaults, maxPositions: 32768 },
};

const QWEN3: Architecture = {
  ...LLAMA,
  name: 'Qwen3ForCausalLM',
  modelType: 'qwen3',
  qkNorm: true,
  mlpBias: false,
  windows: 'from max_window_layers',
  defaults: { ...QWEN2.defaults, headSize: 128 },
};

const GEMMA2: Architecture = {
  ...LLAMA,
  name: 'Gemma2ForCausalLM',
  modelType: 'gemma2',
  blockNorms: {
    beforeAttention: 'input_layernorm',
    afterAttention: 'post_attention_layernorm',
    beforeFeedForward: 'pre_feedforward_layernorm',
    afterFeedForward: 'post_feedforward_layernorm',
  },
  normOffset: 1,
  mlpBias: false,
  windows: 'every other layer',
  softCaps: { attention: 50, final: 30 },
  scaleField: 'query_pre_attn_scalar',
  scaledEmbeddings: true,
  activationField: 'hidden_activation',
  defaults: {
    ...LLAMA.defaults,
    headSize: 256,
    maxPositions: 8192,
    tiedEmbeddings: true,
    activation: 'gelu_pytorch_tanh',
  },
};

const GPT_OSS: Architecture = {
  ...LLAMA,
  name: 'GptOssForCausalLM',
  modelType: 'gpt_oss',
  qkvBias: { field: 'attention_bias', byDefault: true },
  outputBias: { field: 'attention_bias', byDefault: true },
  mlpBias: false,
  sinks: true,
  windows: 'every other layer',
  feedForward: 'experts',
  defaults: {
    ...LLAMA.defaults,
    headSize: 64,
    maxPositions: 131072,
    rmsNormEps: 1e-5,
    ropeTheta: 150000,
    ropeScaling: {
      rope_type: 'yarn',
      factor: 32,
      beta_fast: 32,
      beta_slow: 1,
      truncate: false,
      original_max_position_embeddings: 4096,
    },
  },
};

export const ARCHITECTURES: readonly Architecture[] = [
  LLAMA,
  MISTRAL,
  QWEN2,
  QWEN3,
  GEMMA2,
  GPT_OSS,
];
