import { JsonObject } from '../checkpoint/json_object.js';
import { UserError } from '../user_error.js';

/** How rotary position embeddings stretch past the positions that a model was trained on. */
export type RopeConfig =
  | { type: 'default'; theta: number }
  | { type: 'linear'; theta: number; factor: number }
  | { type: 'dynamic'; theta: number; factor: number; originalMaxPositions: number }
  | {
      type: 'llama3';
      theta: number;
      factor: number;
      lowFreqFactor: number;
      highFreqFactor: number;
      originalMaxPositions: number;
    }
  | {
      type: 'yarn';
      theta: number;
      factor: number;
      originalMaxPositions: number;
      betaFast: number;
      betaSlow: number;
      /** cos and sin are multiplied by it. */
      attentionFactor: number;
      /** Whether the corrected range of dimensions is widened to whole numbers. */
      truncate: boolean;
    };

/** What holds where config.json is silent. */
export interface RopeDefaults {
  readonly ropeTheta: number;
  readonly maxPositions: number;
  readonly ropeScaling?: Readonly<Record<string, unknown>>;
}

/** Reads `rope_parameters`, or the older `rope_theta` beside `rope_scaling`. */
export function readRope(json: JsonObject, defaults: RopeDefaults): RopeConfig {
  const rope = ropeObject(json, defaults);
  const theta = (rope.has('rope_theta') ? rope : json).positive('rope_theta', defaults.ropeTheta);
  const trained = json.count('max_position_embeddings', defaults.maxPositions);
  refuseVariants(json, rope);
  const type = rope.text('rope_type', rope.text('type', 'default'));
  const original = () =>
    (json.has('original_max_position_embeddings') ? json : rope).count(
      'original_max_position_embeddings',
      trained,
    );
  switch (type) {
    case 'default':
      return { type, theta };
    case 'linear':
      return { type, theta, factor: rope.positive('factor') };
    case 'dynamic':
      return { type, theta, factor: rope.positive('factor'), originalMaxPositions: trained };
    case 'llama3':
      return {
        type,
        theta,
        factor: rope.positive('factor'),
        lowFreqFactor: rope.positive('low_freq_factor'),
        highFreqFactor: rope.positive('high_freq_factor'),
        originalMaxPositions: original(),
      };
    case 'yarn': {
      const factor = rope.positive('factor', trained / original());
      return {
        type,
        theta,
        factor,
        originalMaxPositions: original(),
        betaFast: rope.positive('beta_fast', 32),
        betaSlow: rope.positive('beta_slow', 1),
        attentionFactor: rope.positive('attention_factor', yarnAttentionFactor(rope, factor)),
        truncate: rope.boolean('truncate', true),
      };
    }
    default:
      throw new UserError(
        `${rope.source}: rope_type '${type}' is not one of default, linear, dynamic, llama3, yarn`,
      );
  }
}

function ropeObject(json: JsonObject, { ropeScaling }: RopeDefaults): JsonObject {
  const name = ['rope_parameters', 'rope_scaling'].find((name) => json.has(name));
  if (name !== undefined) return json.object(name);
  return new JsonObject(json.source, ropeScaling ?? {});
}

function refuseVariants(json: JsonObject, rope: JsonObject): void {
  const refuse = (what: string): never => {
    throw new UserError(`${rope.source}: ${what}`);
  };
  for (const { values } of [json, rope]) {
    const { partial_rotary_factor: part, mrope_section: sections } = values;
    if (part != null && part !== 1) {
      refuse(
        `partial_rotary_factor must be 1, got ${JSON.stringify(part)}: whole heads are turned`,
      );
    }
    if (sections != null) refuse('mrope_section is not supported: positions are one number');
  }
  for (const kind of ['full_attention', 'sliding_attention']) {
    if (rope.has(kind)) refuse(`${kind} has parameters of its own; all layers must share them`);
  }
  if (rope.has('factor') && !rope.has('rope_type') && !rope.has('type')) {
    refuse('has a factor but no rope_type');
  }
}

/** Peng et al., YaRN, 2023, equation 22; with DeepSeek's `mscale` pair where a config has both. */
function yarnAttentionFactor(rope: JsonObject, factor: number): number {
  const magnitude = (scale: number) => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  const paired = rope.has('mscale') && rope.has('mscale_all_dim');
  return paired
    ? magnitude(rope.number('mscale')) / magnitude(rope.number('mscale_all_dim'))
    : magnitude(1);
}

/** Positions that the scaling reaches; `llama3` configs already name the stretched length. */
export function maxPositions(rope: RopeConfig, configured: number): number {
  switch (rope.type) {
    case 'default':
    case 'llama3':
      return configured;
    case 'linear':
    case 'dynamic':
      return Math.floor(configured * Math.max(1, rope.factor));
    case 'yarn':
      return Math.max(configured, Math.floor(rope.originalMaxPositions * rope.factor));
    default:
      return rope satisfies never;
  }
}
