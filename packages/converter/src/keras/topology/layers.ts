import { serialization } from '@tensorflow/tfjs-core';
import { check, type Findings } from '../findings.js';
import { isDict, isKerasObject, type Json, type JsonDict, type KerasObject } from '../json.js';
import { tfjsDtype } from './dtypes.js';
import { convertValue } from './objects.js';

/** Keys that only Python needs. */
const DROPPED = ['quantization_config', 'ragged', 'optional', 'synchronized', 'backward_layer'];

/** Classes that hold another layer under `config.layer`. */
export const WRAPPERS = ['Bidirectional', 'TimeDistributed'];

/** `layer 'name' of class 'Dense'`, for messages. */
export function whereOf({ class_name, config }: KerasObject): string {
  const name = isDict(config) ? config.name : undefined;
  return typeof name === 'string' ? `layer '${name}' (${class_name})` : `a layer (${class_name})`;
}

/** A layer's class and config as tfjs reads them; calls are converted apart. */
export function convertLayer(layer: KerasObject, findings: Findings): KerasObject {
  const where = whereOf(layer);
  const { class_name } = layer;
  check(isDict(layer.config), () => `${where} has no config`);
  refuse(where, layer, layer.config, findings);
  const config: JsonDict = {};
  for (const [key, value] of Object.entries(layer.config)) {
    if (DROPPED.includes(key)) continue;
    if (key === 'dtype') config.dtype = tfjsDtype(where, value, findings);
    else if (key === 'batch_shape') config.batch_input_shape = value;
    else config[key] = convertValue(where, key, value, findings);
  }
  if (class_name === 'LeakyReLU' && 'negative_slope' in config)
    config.alpha = config.negative_slope;
  if (WRAPPERS.includes(class_name)) config.layer = wrapped(where, layer.config.layer, findings);
  return { class_name, config };
}

function wrapped(where: string, inner: Json, findings: Findings): KerasObject {
  check(isKerasObject(inner), () => `${where} wraps no layer`);
  const { class_name, config } = convertLayer(inner, findings);
  const { name, ...rest } = config as JsonDict;
  // Keras 3 has put the direction before the name already, and tfjs does it again.
  const bare = typeof name === 'string' ? name.replace(/^forward_/, '') : name;
  return { class_name, config: { ...rest, name: bare } };
}

/** What tfjs would misread or not know. */
function refuse(where: string, layer: KerasObject, config: JsonDict, findings: Findings): void {
  const { class_name, module } = layer;
  const set = (key: string) => Boolean(config[key]);
  const say = (reason: string) => findings.add(where, reason);
  if (/^(Lambda|TFOpLambda|SlicingOpLambda)$/.test(class_name)) return say('holds Python code');
  if (isOperation(layer) && !OPERATIONS.includes(class_name)) {
    return say(`is an operation of ${module as string} without a layer in tfjs`);
  }
  if (!(class_name in serialization.SerializationMap.getMap().classNameMap)) {
    return say(
      `is of a class that tfjs does not know; give it one by tf.serialization.registerClass`,
    );
  }
  if (set('quantization_config')) say('is quantised');
  if (set('ragged')) say('is ragged');
  const activations = Object.entries(config).filter(([key]) => key.endsWith('activation'));
  if ('module' in layer && activations.some(([, value]) => value === 'hard_sigmoid')) {
    say('has the activation hard_sigmoid of Keras 3, and tfjs computes that of Keras 2');
  }
  switch (class_name) {
    case 'GRU':
      if (set('reset_after')) say('has reset_after, which tfjs does not compute');
      break;
    case 'LayerNormalization':
      if (set('rms_scaling')) say('has rms_scaling, which tfjs does not compute');
      break;
    case 'ReLU':
      if (set('negative_slope') || set('threshold')) {
        say('has a negative_slope or threshold, which tfjs ignores');
      }
      break;
    case 'Bidirectional':
      checkDirections(say, config);
      break;
  }
}

/** tfjs makes the backward layer of the forward one. */
function checkDirections(say: (reason: string) => void, { layer, backward_layer }: JsonDict): void {
  if (!isKerasObject(layer) || !isKerasObject(backward_layer)) return;
  const units = ({ config }: KerasObject) => (isDict(config) ? config.units : null);
  if (layer.class_name !== backward_layer.class_name || units(layer) !== units(backward_layer)) {
    say('has two different directions, and tfjs makes one of the other');
  }
}

/** Operations of `keras.ops` that are a layer of the same name in tfjs. */
const OPERATIONS = ['Add', 'Multiply', 'Maximum', 'Minimum'];

/** Whether a node of a functional model is a bare operation, such as x + y, and no layer. */
export function isOperation({ module }: KerasObject): boolean {
  return typeof module === 'string' && /(^|\.)ops(\.|$)/.test(module);
}
