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
  return {
    floats: Float32Array.from(FLOATS, (name) => params[name]),
    ints: Int32Array.from(INTS, (name) => params[name]),
  };
}
