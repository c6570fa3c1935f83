import { ATTENTION_PARAMS, type AttentionParams } from '@tfjs-attention/core/provider';

type ParamName = keyof AttentionParams;

const NAMES = Object.keys(ATTENTION_PARAMS) as ParamName[];
const FLOATS = NAMES.filter((name) => ATTENTION_PARAMS[name] === 'f32');
const INTS = NAMES.filter((name) => ATTENTION_PARAMS[name] === 'i32');

/** Params as two uniform arrays in core's order, and a name for each. */
export const PARAMS_TEXT = [
  `uniform float paramFloats[${FLOATS.length}];`,
  `uniform int paramInts[${INTS.length}];`,
  ...FLOATS.map((name, i) => `#define p_${name} paramFloats[${i}]`),
  ...INTS.map((name, i) => `#define p_${name} paramInts[${i}]`),
].join('\n');

export interface PackedParams {
  readonly floats: Float32Array;
  readonly ints: Int32Array;
}

export function packParams(params: AttentionParams): PackedParams {
  const floats = new Float32Array(FLOATS.length);
  const ints = new Int32Array(INTS.length);
  for (let i = 0; i < FLOATS.length; i++) floats[i] = params[FLOATS[i]];
  for (let i = 0; i < INTS.length; i++) ints[i] = params[INTS[i]];
  return { floats, ints };
}
