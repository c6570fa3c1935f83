import { check } from '../findings.js';
import { isDict, isKerasObject, type Json, type KerasObject } from '../json.js';

/** A model's class and config, wherever the document keeps them, and whether Keras 3 wrote it. */
export interface RawModel {
  root: KerasObject;
  keras3: boolean;
}

/** @throws InvalidArgumentError where the document is no topology of a Keras model. */
export function readTopology(document: unknown): RawModel {
  const parsed: unknown = typeof document === 'string' ? parse(document) : document;
  check(isDict(parsed), () => 'modelTopology is no object');
  if (Array.isArray(parsed.node)) {
    check(false, () => 'this is a graph model, not a layers model: load it with tf.loadGraphModel');
  }
  const inner: Json = parsed.model_config ?? parsed;
  const root: unknown = typeof inner === 'string' ? parse(inner) : inner;
  check(isKerasObject(root), () => 'modelTopology has no class_name and config of a Keras model');
  const version = typeof parsed.keras_version === 'string' ? parsed.keras_version : '';
  // The caller's object stays as it is.
  return {
    root: JSON.parse(JSON.stringify(root)) as KerasObject,
    keras3: 'module' in root || version.startsWith('3'),
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    check(false, () => `modelTopology is no JSON: ${String(error)}`);
  }
}
