import { isDict, isKerasObject, type JsonDict } from '../json.js';
import type { LayerPlace } from '../topology/models.js';

/** One weight: its name in tfjs and its places in Keras 3's `model.weights.h5`, the usual first. */
export interface WeightSlot {
  /** `layer/kernel` */
  target: string;
  paths: string[];
}

/** Sublayers of Keras's attention layers: attribute, then name. */
const PROJECTIONS = [
  ['query_dense', 'query'],
  ['key_dense', 'key'],
  ['gate_dense', 'gate'],
  ['value_dense', 'value'],
  ['output_dense', 'attention_output'],
] as const;

/** The weights of a layer, in Keras's order; null for a class whose weights are not known here. */
export function slotsOf({ name, className, config, path }: LayerPlace): WeightSlot[] | null {
  const own = (names: string[], group = '', prefix = name) =>
    names.map((weight, i) => ({
      target: `${prefix}/${weight}`,
      paths: [`${path}${group}/vars/${i}`],
    }));
  const biased = (...names: string[]) => [...names, ...(config.use_bias === false ? [] : ['bias'])];
  switch (className) {
    case 'Dense':
    case 'Conv1D':
    case 'Conv2D':
    case 'Conv3D':
    case 'Conv2DTranspose':
    case 'Conv3DTranspose':
      return own(biased('kernel'));
    case 'DepthwiseConv2D':
      return own(biased('depthwise_kernel'));
    case 'SeparableConv2D':
      return own(biased('depthwise_kernel', 'pointwise_kernel'));
    case 'Embedding':
      return own(['embeddings']);
    case 'PReLU':
      return own(['alpha']);
    case 'LayerNormalization':
      return own(scaled(config));
    case 'BatchNormalization':
      return own([...scaled(config), 'moving_mean', 'moving_variance']);
    case 'SimpleRNN':
    case 'GRU':
    case 'LSTM':
    case 'ConvLSTM2D':
      return own(biased('kernel', 'recurrent_kernel'), '/cell');
    case 'TimeDistributed':
      return inner('/layer', (weight) => `${name}/${weight}`);
    case 'Bidirectional':
      return both(innerName());
    case 'MultiHeadAttention':
    case 'GroupQueryAttention':
    case 'GroupedQueryAttention':
    case 'CachedMultiHeadAttention':
      return PROJECTIONS.filter(([, part]) => part !== 'gate' || config.use_gate === true).flatMap(
        ([attribute, part]) =>
          biased('kernel').map((weight, i) => ({
            target: `${name}/${part}/${weight}`,
            paths: [`${path}/${attribute}/vars/${i}`, `${path}/_${attribute}/vars/${i}`],
          })),
      );
    default:
      return null;
  }

  function innerName(): string {
    const { layer } = config;
    return isKerasObject(layer) && isDict(layer.config) ? (layer.config.name as string) : '';
  }

  function inner(group: string, rename: (weight: string) => string): WeightSlot[] | null {
    const { layer } = config;
    if (!isKerasObject(layer) || !isDict(layer.config)) return null;
    const slots = slotsOf({
      name: '',
      className: layer.class_name,
      config: layer.config,
      path: `${path}${group}`,
    });
    return slots && slots.map(({ target, paths }) => ({ target: rename(target.slice(1)), paths }));
  }

  function both(layer: string): WeightSlot[] | null {
    const [forward, backward] = (['forward', 'backward'] as const).map((direction) =>
      inner(`/${direction}_layer`, (weight) => `${name}/${direction}_${layer}/${weight}`),
    );
    return forward && backward && [...forward, ...backward];
  }
}

function scaled(config: JsonDict): string[] {
  return [
    ...(config.scale === false ? [] : ['gamma']),
    ...(config.center === false ? [] : ['beta']),
  ];
}
