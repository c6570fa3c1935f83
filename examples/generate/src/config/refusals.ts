import type { JsonObject } from '../checkpoint/json_object.js';
import { demand } from '../user_error.js';
import type { Architecture } from './architectures.js';

/** Fields that change the maths of an architecture that has no such part, with the values that change nothing. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  attn_logit_softcapping: [0],
  final_logit_softcapping: [0],
  query_pre_attn_scalar: [],
  num_local_experts: [0, 1],
  num_experts: [0, 1],
  use_bidirectional_attention: [false],
  use_qk_norm: [false],
  attention_chunk_size: [],
  no_rope_layers: [],
  rope_interleaved: [false],
};

/** Refuses by name what config.json asks for and this architecture does not have here. */
export function refuseForeignFields(json: JsonObject, architecture: Architecture): void {
  const known = knownFields(architecture);
  for (const [field, neutral] of Object.entries(NEUTRAL)) {
    if (known.has(field) || !json.has(field) || neutral.includes(json.values[field])) continue;
    demand(
      false,
      `${json.source}: ${field} ${JSON.stringify(json.values[field])} is not supported for ${architecture.name}`,
    );
  }
  refuseForeignBias(json, architecture, 'attention_bias', architecture.qkvBias);
  refuseForeignBias(json, architecture, 'mlp_bias', architecture.mlpBias);
}

function knownFields({ softCaps, scaleField, feedForward }: Architecture): Set<string> {
  return new Set([
    ...(softCaps ? ['attn_logit_softcapping', 'final_logit_softcapping'] : []),
    ...(scaleField === null ? [] : [scaleField]),
    ...(feedForward === 'experts' ? ['num_local_experts', 'num_experts'] : []),
  ]);
}

function refuseForeignBias(
  json: JsonObject,
  { name }: Architecture,
  field: string,
  rule: Architecture['qkvBias'],
): void {
  if (typeof rule !== 'boolean') return;
  demand(
    json.boolean(field, rule) === rule,
    `${json.source}: ${field} must be ${rule} for ${name}, which has no other form`,
  );
}

/** Refuses quantized weights, but for experts in MXFP4. @returns whether the experts are. */
export function readQuantization(json: JsonObject, { feedForward, name }: Architecture): boolean {
  if (!json.has('quantization_config')) return false;
  const method = json.object('quantization_config').text('quant_method', 'unnamed');
  demand(
    method === 'mxfp4' && feedForward === 'experts',
    `${json.source}: quantization_config: quant_method '${method}' is not supported for ${name}; ` +
      'float32, float16 and bfloat16 weights are, and experts in mxfp4',
  );
  return true;
}
