import type { CheckpointFiles } from '../checkpoint/files.js';
import { JsonObject } from '../checkpoint/json_object.js';
import { ACTIVATIONS, type Activation } from '../model/activations.js';
import { demand, UserError } from '../user_error.js';
import { ARCHITECTURES, type Architecture, type BiasRule } from './architectures.js';
import { embeddingScale } from './embedding_scale.js';
import { readExperts, type ExpertsConfig } from './experts_config.js';
import { readQuantization, refuseForeignFields } from './refusals.js';
import { maxPositions, readRope, type RopeConfig } from './rope_config.js';
import { readWindows } from './windows.js';

/** What a checkpoint's config.json says of a decoder, with every default settled. */
export interface ModelConfig {
  architecture: Architecture;
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
  /** Null: one dense feed-forward block a layer. */
  experts: ExpertsConfig | null;
  rope: RopeConfig;
  tiedEmbeddings: boolean;
  embeddingScale: number;
  qkvBias: boolean;
  outputBias: boolean;
  mlpBias: boolean;
  softmaxScale: number;
  /** Soft caps of attention scores and of logits; 0 = none. */
  logitsSoftCap: number;
  finalSoftCap: number;
  /** One a layer: keys a token sees, itself included; null = all. */
  slidingWindows: readonly (number | null)[];
  bosTokenId: number | null;
  /** Any of these ends the text. */
  eosTokenIds: readonly number[];
}

/**
 * Reads config.json, and generation_config.json where there is one (its end tokens win, as in Hugging Face's generate).
 *
 * @throws UserError naming file and field where one is missing, wrong, or asks for maths that is not here.
 */
export function readModelConfig(files: CheckpointFiles): ModelConfig {
  const json = JsonObject.read(files, 'config.json');
  const generationFile = 'generation_config.json';
  const generation = files.has(generationFile) ? JsonObject.read(files, generationFile) : undefined;
  const architecture = readArchitecture(json);
  refuseForeignFields(json, architecture);
  const { defaults, softCaps, scaleField, feedForward } = architecture;
  const quantizedExperts = readQuantization(json, architecture);
  const heads = readHeads(json, architecture);
  const rope = readRope(json, defaults);
  const eos = generation?.has('eos_token_id') ? generation : json;
  const softCap = (field: string, fallback?: number) =>
    fallback === undefined ? 0 : (json.positiveOrNull(field, fallback) ?? 0);
  const squaredScale = scaleField === null ? heads.headSize : json.positive(scaleField);
  return {
    architecture,
    ...heads,
    vocabSize: json.count('vocab_size'),
    intermediateSize: json.count('intermediate_size'),
    numLayers: json.count('num_hidden_layers'),
    maxPositions: maxPositions(rope, json.count('max_position_embeddings', defaults.maxPositions)),
    rmsNormEps: json.positive('rms_norm_eps', defaults.rmsNormEps),
    activation: readActivation(json, architecture),
    experts: feedForward === 'experts' ? readExperts(json, quantizedExperts) : null,
    rope,
    tiedEmbeddings: json.boolean('tie_word_embeddings', defaults.tiedEmbeddings),
    embeddingScale: architecture.scaledEmbeddings ? embeddingScale(json, heads.hiddenSize) : 1,
    qkvBias: readBias(json, architecture.qkvBias),
    outputBias: readBias(json, architecture.outputBias),
    mlpBias: readBias(json, architecture.mlpBias),
    softmaxScale: 1 / Math.sqrt(squaredScale),
    logitsSoftCap: softCap('attn_logit_softcapping', softCaps?.attention),
    finalSoftCap: softCap('final_logit_softcapping', softCaps?.final),
    slidingWindows: readWindows(json, architecture),
    bosTokenId: json.ids('bos_token_id')[0] ?? null,
    eosTokenIds: eos.ids('eos_token_id'),
  };
}

function readArchitecture(json: JsonObject): Architecture {
  const named = json.texts('architectures');
  const modelType = json.text('model_type', '');
  const found = ARCHITECTURES.find((known) =>
    named.length > 0 ? named.includes(known.name) : known.modelType === modelType,
  );
  if (found !== undefined) return found;
  const given = named.length > 0 ? named.join(', ') : `model_type '${modelType}'`;
  const names = ARCHITECTURES.map(({ name }) => name).join(', ');
  throw new UserError(`${json.source}: unknown architecture ${given}; this example knows ${names}`);
}

type Heads = Pick<ModelConfig, 'hiddenSize' | 'numHeads' | 'numKvHeads' | 'headSize'>;

function readHeads(json: JsonObject, { defaults }: Architecture): Heads {
  const hiddenSize = json.count('hidden_size');
  const numHeads = json.count('num_attention_heads');
  const numKvHeads = json.count('num_key_value_heads', numHeads);
  demand(
    numHeads % numKvHeads === 0,
    `${json.source}: num_attention_heads ${numHeads} must be a multiple of num_key_value_heads ${numKvHeads}`,
  );
  demand(
    json.has('head_dim') || defaults.headSize !== undefined || hiddenSize % numHeads === 0,
    `${json.source}: hidden_size ${hiddenSize} must be a multiple of num_attention_heads ${numHeads} where head_dim is not given`,
  );
  const headSize = json.count('head_dim', defaults.headSize ?? hiddenSize / numHeads);
  demand(
    headSize % 2 === 0,
    `${json.source}: head size ${headSize} must be even: rotary embeddings turn pairs`,
  );
  return { hiddenSize, numHeads, numKvHeads, headSize };
}

function readBias(json: JsonObject, rule: BiasRule): boolean {
  return typeof rule === 'boolean' ? rule : json.boolean(rule.field, rule.byDefault);
}

function readActivation(json: JsonObject, architecture: Architecture): Activation {
  const { activationField: field, defaults, feedForward } = architecture;
  const name = json.text(field, defaults.activation);
  const names = feedForward === 'experts' ? [defaults.activation] : Object.keys(ACTIVATIONS);
  demand(
    names.includes(name),
    `${json.source}: ${field} '${name}' is not one of ${names.join(', ')}`,
  );
  return ACTIVATIONS[name];
}
