import type { Findings } from '../findings.js';
import { isDict, isKerasObject, type Json } from '../json.js';

/** What tfjs has for Keras's types; half types become float32, in which tfjs computes. */
const TFJS_DTYPES: Record<string, string> = {
  float32: 'float32',
  float16: 'float32',
  bfloat16: 'float32',
  float64: 'float32',
  mixed_float16: 'float32',
  mixed_bfloat16: 'float32',
  int8: 'int32',
  int16: 'int32',
  int32: 'int32',
  int64: 'int32',
  uint8: 'int32',
  uint16: 'int32',
  uint32: 'int32',
  bool: 'bool',
  string: 'string',
};

/** A dtype name, or Keras 3's policy object, as tfjs's name; undefined where there is none. */
export function tfjsDtype(where: string, dtype: Json, findings: Findings): string | null {
  if (dtype === null) return null;
  const name = nameOf(dtype);
  const known = name === null ? undefined : TFJS_DTYPES[name];
  if (known === undefined) {
    findings.add(where, `has the dtype ${name ?? JSON.stringify(dtype)}, which tfjs does not know`);
    return 'float32';
  }
  return known;
}

function nameOf(dtype: Json): string | null {
  if (typeof dtype === 'string') return dtype;
  if (!isKerasObject(dtype) || !isDict(dtype.config)) return null;
  const { name } = dtype.config;
  return ['DTypePolicy', 'Policy'].includes(dtype.class_name) && typeof name === 'string'
    ? name
    : dtype.class_name;
}
