import { serialization } from '@tensorflow/tfjs-core';
import type { Findings } from '../findings.js';
import { isDict, isKerasObject, type Json, type KerasObject } from '../json.js';

/** Keras's names of what tfjs calls otherwise. */
const ACTIVATIONS: Record<string, string> = { silu: 'swish', log_softmax: 'logSoftmax' };

const known = (className: string) =>
  className in serialization.SerializationMap.getMap().classNameMap;

const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The objects inside a layer's config, by the ending of their key, as tfjs reads them. */
export function convertValue(where: string, key: string, value: Json, findings: Findings): Json {
  if (key.endsWith('activation')) return activation(where, value, findings);
  if (isKerasObject(value)) {
    if (key.endsWith('_initializer')) return initializer(value);
    if (key.endsWith('_regularizer')) return regularizer(where, value, findings);
    if (key.endsWith('_constraint')) return named(where, 'constraint', bare(value), findings);
  }
  return withoutModules(value);
}

/** The object without what Keras 3 adds to find its Python class. */
export function bare({ class_name, config }: KerasObject): KerasObject {
  return { class_name, config: withoutModules(config) };
}

function withoutModules(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutModules);
  if (!isDict(value)) return value;
  if (isKerasObject(value)) return bare(value);
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, withoutModules(entry)]),
  );
}

/** Initial values are overwritten by the weights, so one that tfjs lacks may be any. */
function initializer(value: KerasObject): KerasObject {
  const object = bare(value);
  const className = object.class_name.replace(/Initializer$/, '');
  if (!known(className)) return { class_name: 'Zeros', config: {} };
  return { class_name: className, config: object.config };
}

function regularizer(where: string, value: KerasObject, findings: Findings): KerasObject {
  const object = bare(value);
  const config = isDict(object.config) ? object.config : {};
  switch (object.class_name) {
    case 'L1':
      return { class_name: 'L1L2', config: { ...config, l2: 0 } };
    case 'L2':
      return { class_name: 'L1L2', config: { ...config, l1: 0 } };
    default:
      return named(where, 'regularizer', object, findings);
  }
}

function named(where: string, what: string, object: KerasObject, findings: Findings): KerasObject {
  if (!known(object.class_name)) {
    findings.add(where, `has the ${what} ${object.class_name}, which tfjs does not know`);
  }
  return object;
}

/** A name, or Keras 3's object of a Python function. */
function activation(where: string, value: Json, findings: Findings): Json {
  if (value === null) return null;
  const name = isKerasObject(value) && typeof value.config === 'string' ? value.config : value;
  if (typeof name !== 'string') {
    findings.add(where, `has the activation ${JSON.stringify(value)}, which is no name`);
    return value;
  }
  const tfjsName = ACTIVATIONS[name] ?? name;
  if (!known(tfjsName) && !known(camel(tfjsName))) {
    findings.add(where, `has the activation ${name}, which tfjs does not know`);
  }
  return tfjsName;
}
