/** A value of a JSON document. */
export type Json = null | boolean | number | string | Json[] | JsonDict;
export interface JsonDict {
  [key: string]: Json;
}

export function isDict(value: unknown): value is JsonDict {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A Keras object: a class by name, with what its `get_config` gave. */
export type KerasObject = JsonDict & { class_name: string; config: Json };

export function isKerasObject(value: unknown): value is KerasObject {
  return isDict(value) && typeof value.class_name === 'string' && 'config' in value;
}
