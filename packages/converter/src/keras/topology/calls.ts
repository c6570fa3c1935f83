import { check, type Findings } from '../findings.js';
import { isDict, isKerasObject, type Json, type JsonDict } from '../json.js';

/** An output of a layer's call: layer, number of the call, number of the output. */
export type TensorRef = readonly [layer: string, node: number, tensor: number];

/** One call of a layer: arguments in order and by name, tensors as references. */
export interface LayerCall {
  args: Argument[];
  kwargs: Record<string, Argument>;
}

export type Argument =
  | { kind: 'tensor'; ref: TensorRef }
  | { kind: 'list'; items: Argument[] }
  | { kind: 'value'; value: Json };

/** A layer's calls, from Keras 3's `{args, kwargs}` or from Keras 2's lists of `[layer, node, tensor, kwargs]`. */
export function readCalls(where: string, nodes: Json | undefined, findings: Findings): LayerCall[] {
  if (nodes === undefined || nodes === null) return [];
  check(Array.isArray(nodes), () => `${where} must have a list of inbound_nodes`);
  return nodes.map((node) => {
    if (isDict(node)) return keras3Call(where, node);
    check(
      Array.isArray(node),
      () => `${where} has an inbound node that is neither list nor object`,
    );
    return keras2Call(where, node, findings);
  });
}

/** All tensors of an argument. */
export function refsOf(argument: Argument): TensorRef[] {
  switch (argument.kind) {
    case 'tensor':
      return [argument.ref];
    case 'list':
      return argument.items.flatMap(refsOf);
    case 'value':
      return [];
  }
}

function keras3Call(where: string, { args, kwargs }: JsonDict): LayerCall {
  check(
    Array.isArray(args) && isDict(kwargs),
    () => `${where} has an inbound node without args and kwargs`,
  );
  const read = (value: Json): Argument => {
    if (isKerasObject(value) && value.class_name === '__keras_tensor__') {
      const { config } = value;
      return { kind: 'tensor', ref: readRef(where, isDict(config) ? config.keras_history : null) };
    }
    if (Array.isArray(value)) return { kind: 'list', items: value.map(read) };
    return { kind: 'value', value };
  };
  return { args: args.map(read), kwargs: mapValues(kwargs, read) };
}

function keras2Call(where: string, node: Json[], findings: Findings): LayerCall {
  const inputs = typeof node[0] === 'string' ? [node] : node;
  const kwargs: JsonDict = {};
  const items = inputs.map((input): Argument => {
    check(Array.isArray(input), () => `${where} has an inbound node ${JSON.stringify(input)}`);
    if (isDict(input[3])) Object.assign(kwargs, input[3]);
    if (input[0] === '_CONSTANT_VALUE') {
      findings.add(where, `is called with the constant ${JSON.stringify(input[2])}`);
      return { kind: 'value', value: input[2] };
    }
    return { kind: 'tensor', ref: readRef(where, input) };
  });
  return {
    args: items.length === 1 ? items : [{ kind: 'list', items }],
    kwargs: mapValues(kwargs, (value): Argument => {
      if (isRef(value)) return { kind: 'tensor', ref: readRef(where, value) };
      if (Array.isArray(value) && value.length > 0 && value.every(isRef)) {
        return {
          kind: 'list',
          items: value.map((item) => ({ kind: 'tensor', ref: readRef(where, item) })),
        };
      }
      return { kind: 'value', value };
    }),
  };
}

function isRef(value: Json): boolean {
  return (
    Array.isArray(value) &&
    value.length >= 3 &&
    typeof value[0] === 'string' &&
    Number.isInteger(value[1]) &&
    Number.isInteger(value[2])
  );
}

/** @throws InvalidArgumentError unless the value begins `[layer, node, tensor]`. */
export function readRef(where: string, value: Json): TensorRef {
  check(
    isRef(value),
    () => `${where} refers to ${JSON.stringify(value)}, which is no [layer, node, tensor]`,
  );
  const [layer, node, tensor] = value as [string, number, number];
  return [layer, node, tensor];
}

function mapValues<T>(dict: JsonDict, change: (value: Json) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(dict).map(([key, value]) => [key, change(value)]));
}
