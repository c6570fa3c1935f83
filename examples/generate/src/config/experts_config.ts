import type { JsonObject } from '../checkpoint/json_object.js';
import { demand } from '../user_error.js';

/** A mixture of experts in place of the dense feed-forward block. */
export interface ExpertsConfig {
  /** E */
  count: number;
  /** Experts that a token is sent to. */
  perToken: number;
  /** Gates are cut off above it, ups at both sides. */
  limit: number;
  /** Whether the checkpoint holds the experts in MXFP4. */
  quantized: boolean;
}

/** Reads the fields of gpt-oss, as Hugging Face or as the original publication names them. */
export function readExperts(json: JsonObject, quantized: boolean): ExpertsConfig {
  const count = json.count(json.has('num_experts') ? 'num_experts' : 'num_local_experts');
  const perTokenField = json.has('experts_per_token') ? 'experts_per_token' : 'num_experts_per_tok';
  const perToken = json.count(perTokenField);
  demand(
    perToken <= count,
    `${json.source}: ${perTokenField} ${perToken} is more than the ${count} experts`,
  );
  return { count, perToken, limit: json.positive('swiglu_limit', 7), quantized };
}
