// Writes ONNX models (onnx.proto3 of ONNX 1.16, IR version 10) of one node.
import { bytes, float, int, message, string, type Message } from './protobuf.js';

export type ElementType = 'float32' | 'int32';

/** A graph input or output; an axis is a size, or a name where the file leaves it open. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

export interface OneNodeModel {
  readonly opType: string;
  /** '' = ai.onnx. */
  readonly domain: '' | 'com.microsoft';
  /** Version of ai.onnx that the file asks for. */
  readonly opset: number;
  /** Integers and, as `{ float }`, floats. */
  readonly attributes: Readonly<Record<string, number | { float: number }>>;
  /** In the op's order; null = an optional input that is left out. */
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
}

const IR_VERSION = 10;
const ELEMENT_TYPES: Readonly<Record<ElementType, number>> = { float32: 1, int32: 6 };
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;

/** The model as the bytes of a .onnx file. */
export function encodeModel(model: OneNodeModel): Message {
  const graph = message(
    bytes(1, node(model)),
    string(2, model.opType),
    ...model.inputs.filter((value) => value !== null).map((value) => bytes(11, valueInfo(value))),
    ...model.outputs.map((value) => bytes(12, valueInfo(value))),
  );
  return message(
    int(1, IR_VERSION),
    bytes(7, graph),
    bytes(8, opsetImport('', model.opset)),
    ...(model.domain === '' ? [] : [bytes(8, opsetImport(model.domain, 1))]),
  );
}

function node({ opType, domain, attributes, inputs, outputs }: OneNodeModel): Message {
  return message(
    ...inputs.map((value) => string(1, value?.name ?? '')),
    ...outputs.map(({ name }) => string(2, name)),
    string(4, opType),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value))),
    ...(domain === '' ? [] : [string(7, domain)]),
  );
}

function attribute(name: string, value: number | { float: number }): Message {
  return typeof value === 'number'
    ? message(string(1, name), int(3, value), int(20, ATTRIBUTE_INT))
    : message(string(1, name), float(2, value.float), int(20, ATTRIBUTE_FLOAT));
}

function valueInfo({ name, type, shape }: Value): Message {
  const axes = shape.map((axis) =>
    bytes(1, typeof axis === 'number' ? int(1, axis) : string(2, axis)),
  );
  const tensor = message(int(1, ELEMENT_TYPES[type]), bytes(2, message(...axes)));
  return message(string(1, name), bytes(2, bytes(1, tensor)));
}

function opsetImport(domain: string, version: number): Message {
  return message(string(1, domain), int(2, version));
}
