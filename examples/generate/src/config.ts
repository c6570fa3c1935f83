import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ACTIVATIONS, type Activation } from './activations.js';
import { JsonObject } from './json_object.js';
import { maxPositions, readRope, type RopeConfig } from './rope_config.js';
import { demand, UserError } from './user_error.js';

/** What a checkpoint's config.json says of a Llama-like decoder, with every default settled. */
export interface ModelConfig {
  architecture: string;
  vocabSize: number;
  /** D */
  hiddenSize: number;
  intermediateSize: number;
  numLayers: number;
  /** N */
  numHeads: number;
  /** K */
  numKvHeads: number;
  /** H */
  headSize: number;
  /** Tokens that prompt and continuation may have together. */
  maxPositions: number;
  rmsNormEps: number;
  activation: Activation;
  rope: RopeConfig;
  tiedEmbeddings: boolean;
  qkvBias: boolean;
  outputBias: boolean;
  mlpBias: boolean;
  /** One a layer: keys a token sees, itself included; null = all. */
  slidingWindows: readonly (number | null)[];
  bosTokenId: number | null;
  /** Any of these ends the text. */
  eosTokenIds: readonly number[];
}

/** Architectures that are the same maths; they differ in which projections have biases and where windows apply. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  llama: 'LlamaForCausalLM',
  mistral: 'MistralForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
};

/** Reads config.json, and generation_config.json where there is one (its end tokens win, as in Hugging Face's generate). */
export function readModelConfig(directory: string): ModelConfig {
  const json = JsonObject.readFile(join(directory, 'config.json'));
  const generationFile = join(directory, 'generation_config.json');
  const generation = existsSync(generationFile) ? JsonObject.readFile(generationFile) : undefined;
  const architecture = readArchitecture(json);
  demand(
    !json.has('quantization_config'),
    `${json.source}: quantization_config: only float32, float16 and bfloat16 weights can be read`,
  );
  const hiddenSize = json.count('hidden_size');
  const numHeads = json.count('num_attention_heads');
  const numKvHeads = json.count('num_key_value_heads', numHeads);
  demand(
    numHeads % numKvHeads === 0,
    `${json.source}: num_attention_heads ${numHeads} must be a multiple of num_key_value_heads ${numKvHeads}`,
  );
  demand(
    json.has('head_dim') || hiddenSize % numHeads === 0,
    `${json.source}: hidden_size ${hiddenSize} must be a multiple of num_attention_heads ${numHeads} where head_dim is not given`,
  );
  const headSize = json.count('head_dim', hiddenSize / numHeads);
  demand(
    headSize % 2 === 0,
    `${json.source}: head size ${headSize} must be even: rotary embeddings turn pairs`,
  );
  const rope = readRope(json);
  const isLlama = architecture === ARCHITECTURES.llama;
  const allBias = isLlama && json.boolean('attention_bias', false);
  const eos = generation?.has('eos_token_id') ? generation : json;
  return {
    architecture,
    vocabSize: json.count('vocab_size'),
    hiddenSize,
    intermediateSize: json.count('intermediate_size'),
    numLayers: json.count('num_hidden_layers'),
    numHeads,
    numKvHeads,
    headSize,
    maxPositions: maxPositions(rope, json.count('max_position_embeddings', 2048)),
    rmsNormEps: json.positive('rms_norm_eps', 1e-6),
    activation: readActivation(json),
    rope,
    tiedEmbeddings: json.boolean('tie_word_embeddings', false),
    qkvBias: allBias || architecture === ARCHITECTURES.qwen2,
    outputBias: allBias,
    mlpBias: isLlama && json.boolean('mlp_bias', false),
    slidingWindows: readWindows(json, architecture),
    bosTokenId: json.ids('bos_token_id')[0] ?? null,
    eosTokenIds: eos.ids('eos_token_id'),
  };
}

function readArchitecture(json: JsonObject): string {
  const known = Object.values(ARCHITECTURES);
  const named = json.texts('architectures');
  const names = named.length > 0 ? named : [ARCHITECTURES[json.text('model_type', '')]];
  const found = names.find((name) => known.includes(name));
  if (found !== undefined) return found;
  const given = named.length > 0 ? named.join(', ') : `model_type '${json.text('model_type', '')}'`;
  throw new UserError(
    `${json.source}: unknown architecture ${given}; this example knows ${known.join(', ')}`,
  );
}

function readActivation(json: JsonObject): Activation {
  const name = json.text('hidden_act', 'silu');
  const found = ACTIVATIONS[name];
  demand(
    found !== undefined,
    `${json.source}: hidden_act '${name}' is not one of ${Object.keys(ACTIVATIONS).join(', ')}`,
  );
  return found;
}

function readWindows(json: JsonObject, architecture: string): (number | null)[] {
  const numLayers = json.count('num_hidden_layers');
  const types = json.texts('layer_types');
  const isQwen = architecture === ARCHITECTURES.qwen2;
  const windowed =
    architecture === ARCHITECTURES.mistral || (isQwen && json.boolean('use_sliding_window', false));
  const window = windowed && json.has('sliding_window') ? json.count('sliding_window') : null;
  if (types.length > 0) {
    demand(
      types.length === numLayers,
      `${json.source}: layer_types has ${types.length} entries for ${numLayers} layers`,
    );
    return types.map((type) => (type === 'sliding_attention' ? window : null));
  }
  const firstWindowed = isQwen ? json.number('max_window_layers', 28) : 0;
  return Array.from({ length: numLayers }, (_, i) => (i >= firstWindowed ? window : null));
}
