import type { JsonObject } from '../checkpoint/json_object.js';

/** Significant bits of the types that a config may name for its weights. */
const SIGNIFICANT_BITS: Readonly<Record<string, number>> = {
  float32: 24,
  float16: 11,
  bfloat16: 8,
};

/**
 * sqrt(D) as Gemma was trained with it: rounded to the type that config.json names, as Hugging Face does where it loads
 * the model in that type. 4608 in bfloat16: 68, not 67.88.
 */
export function embeddingScale(json: JsonObject, hiddenSize: number): number {
  const dtype = json.text('dtype', json.text('torch_dtype', 'float32'));
  return roundTo(Math.sqrt(hiddenSize), SIGNIFICANT_BITS[dtype] ?? SIGNIFICANT_BITS.float32);
}

/** The nearest number of so many significant bits. */
export function roundTo(value: number, significantBits: number): number {
  const unit = 2 ** (Math.floor(Math.log2(value)) + 1 - significantBits);
  return Math.round(value / unit) * unit;
}
