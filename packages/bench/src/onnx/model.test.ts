import { expect, test } from '@jest/globals';
import { encodeModel } from './model.js';

type Field = [field: number, value: number | Uint8Array];

/** A plain reader of the wire format. */
function read(data: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = data[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < data.length) {
    const tag = varint();
    const wire = tag % 8;
    if (wire === 0) fields.push([Math.floor(tag / 8), varint()]);
    else {
      const length = wire === 5 ? 4 : varint();
      fields.push([Math.floor(tag / 8), data.subarray(at, at + length)]);
      at += length;
    }
  }
  return fields;
}

const all = (data: Uint8Array, field: number) =>
  read(data)
    .filter(([found]) => found === field)
    .map(([, value]) => value as Uint8Array);
const texts = (data: Uint8Array, field: number) =>
  all(data, field).map((value) => Buffer.from(value).toString());
const numbers = (data: Uint8Array, field: number) => all(data, field) as unknown as number[];

const model = encodeModel({
  opType: 'MultiHeadAttention',
  domain: 'com.microsoft',
  opset: 23,
  attributes: { num_heads: 8, scale: { float: 0.5 } },
  inputs: [
    { name: 'q', type: 'float32', shape: [1, 300, 'W'] },
    null,
    { name: 'lens', type: 'int32', shape: [1] },
  ],
  outputs: [{ name: 'y', type: 'float32', shape: [1] }],
});

test('a model names its IR version and both op sets', () => {
  expect(numbers(model, 1)).toEqual([10]);
  expect(all(model, 8).map((set) => [texts(set, 1)[0], numbers(set, 2)[0]])).toEqual([
    ['', 23],
    ['com.microsoft', 1],
  ]);
});

test('the node keeps the place of an input that is left out', () => {
  const [graph] = all(model, 7);
  const [node] = all(graph, 1);
  expect(texts(node, 1)).toEqual(['q', '', 'lens']);
  expect(texts(node, 2)).toEqual(['y']);
  expect(texts(node, 4)).toEqual(['MultiHeadAttention']);
  expect(texts(node, 7)).toEqual(['com.microsoft']);
  expect(
    all(node, 5).map((attribute) => [texts(attribute, 1)[0], numbers(attribute, 20)[0]]),
  ).toEqual([
    ['num_heads', 2],
    ['scale', 1],
  ]);
  expect(numbers(all(node, 5)[0], 3)).toEqual([8]);
});

test('graph inputs have element types and axes', () => {
  const [graph] = all(model, 7);
  const inputs = all(graph, 11);
  expect(inputs.map((value) => texts(value, 1)[0])).toEqual(['q', 'lens']);
  const tensorOf = (value: Uint8Array) => all(all(value, 2)[0], 1)[0];
  expect(inputs.map((value) => numbers(tensorOf(value), 1)[0])).toEqual([1, 6]);
  const axes = all(all(tensorOf(inputs[0]), 2)[0], 1);
  expect(axes.map((axis) => numbers(axis, 1)[0] ?? texts(axis, 2)[0])).toEqual([1, 300, 'W']);
});
