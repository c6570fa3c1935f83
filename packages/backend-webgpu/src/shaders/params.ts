import { ATTENTION_PARAMS, type AttentionParams } from '@tfjs-attention/core/provider';

/** Scalars of a uniform buffer, in order. */
export type Fields = Readonly<Record<string, 'f32' | 'i32' | 'u32'>>;

/** What a dispatch of attention knows beside the params of its call. */
export const DISPATCH_FIELDS = {
  /** Where parts of `ints` begin. */
  groupsAt: 'i32',
  itemsAt: 'i32',
  mergesAt: 'i32',
  tablesAt: 'i32',
  rangesAt: 'i32',
  /** Of this dispatch. */
  firstItem: 'i32',
  numItems: 'i32',
  firstMerge: 'i32',
  numMerges: 'i32',
  /** Where parts of `floats` begin, and the mask behind the bias. */
  alibiAt: 'i32',
  sinksAt: 'i32',
  qqBiasAt: 'i32',
  maskAt: 'i32',
  /** Where token scales of the first bound row lie. */
  keyScalesAt: 'i32',
  valueScalesAt: 'i32',
  /** The stretch of a large cache that is bound. */
  segment: 'i32',
  numSegments: 'i32',
  firstRow: 'i32',
  boundRows: 'i32',
} as const satisfies Fields;

export type DispatchFields = Record<keyof typeof DISPATCH_FIELDS, number>;

const ATTENTION_FIELDS: Fields = { ...ATTENTION_PARAMS, ...DISPATCH_FIELDS };

/** The declaration of fields as the uniform `p`. */
export function paramsText(fields: Fields): string {
  const lines = Object.entries(fields).map(([name, type]) => `  ${name}: ${type},`);
  return ['struct Params {', ...lines, '}', '#bind uniform p: Params'].join('\n');
}

export const ATTENTION_PARAMS_TEXT = paramsText(ATTENTION_FIELDS);

/** Values as the uniform buffer holds them. */
export function packFields(fields: Fields, values: Readonly<Record<string, number>>): ArrayBuffer {
  const names = Object.keys(fields);
  const buffer = new ArrayBuffer(Math.ceil(names.length / 4) * 16);
  writeFields(new DataView(buffer), 0, fields, names, values);
  return buffer;
}

const PARAM_NAMES = Object.keys(ATTENTION_PARAMS);
const DISPATCH_NAMES = Object.keys(DISPATCH_FIELDS);
const ATTENTION_BYTES = Math.ceil((PARAM_NAMES.length + DISPATCH_NAMES.length) / 4) * 16;

export function packAttention(params: AttentionParams, dispatch: DispatchFields): ArrayBuffer {
  const buffer = new ArrayBuffer(ATTENTION_BYTES);
  const view = new DataView(buffer);
  writeFields(view, 0, ATTENTION_PARAMS, PARAM_NAMES, params);
  writeFields(view, PARAM_NAMES.length * 4, DISPATCH_FIELDS, DISPATCH_NAMES, dispatch);
  return buffer;
}

function writeFields(
  view: DataView,
  at: number,
  fields: Fields,
  names: readonly string[],
  values: Readonly<Record<string, number>>,
): void {
  for (const name of names) {
    if (fields[name] === 'f32') view.setFloat32(at, values[name], true);
    else view.setInt32(at, values[name], true);
    at += 4;
  }
}
