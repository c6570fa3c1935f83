import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { MultiHeadAttention } from '../layer.js';
import { byDefinition, expectSame, expectSurvives, random } from './fixtures.js';
import { MMEncoderAttention } from './mm_encoder_attention.js';

const ARGS = { numHeads: 4, headSize: 3, numKvHeads: 2 };

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend('cpu');
});
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

/** q, k, v of B = 2, S = 5. */
const apart = (keys = 5) => [
  random([2, 5, 4, 3], 1),
  random([2, keys, 2, 3], 2),
  random([2, keys, 2, 3], 3),
];
const flat = (tensors: tf.Tensor[]) => tensors.map((x) => tf.reshape(x, [2, x.shape[1] ?? 0, -1]));
/** The definition over the batch's tokens in a row. */
const expected = (tensors: tf.Tensor[], sees: (i: number, j: number) => boolean) => {
  const [q, k, v] = tensors.map((x) => tf.reshape(x, [-1, ...x.shape.slice(2)]));
  return tf.reshape(byDefinition(q, k, v, sees), [2, 5, 4, 3]);
};
const sameRow = (i: number, j: number) => i < 5 === j < 5;

test('both ways within each row, in either form', () => {
  const layer = new MMEncoderAttention(ARGS);
  const all = apart();
  expectSame(layer.apply(all), expected(all, sameRow));
  expectSame(layer.apply(flat(all)), tf.reshape(expected(all, sameRow), [2, 5, 12]));
  const [q, k, v] = all;
  expectSame(layer.forward(q, k, v), expected(all, sameRow));
});

test('keys may have another length', () => {
  const all = apart(3);
  const sees = (i: number, j: number) => i < 5 === j < 3;
  expectSame(new MMEncoderAttention(ARGS).apply(all), expected(all, sees));
});

test('segments run over the whole batch and may differ in length', () => {
  const layer = new MMEncoderAttention(ARGS);
  const [q, k, v] = apart();
  const segment = (ends: number[]) => (i: number, j: number) => {
    const of = (token: number) => ends.findIndex((end) => token < end);
    return of(i) === of(j);
  };
  for (const ends of [[3, 7, 10], [2, 4, 6, 8, 10], [10], [1, 1, 4, 7, 10]]) {
    const out = layer.forward(q, k, v, Int32Array.of(0, ...ends));
    expectSame(out, expected([q, k, v], segment(ends)));
  }
}); // prettier-ignore

test('segments may be part of the config, and a call may say otherwise', async () => {
  const model = tfl.sequential();
  const layer = new MMEncoderAttention({ ...ARGS, cuSeqlens: [0, 4, 10], inputShape: [5, 24] });
  model.add(layer);
  expect(model.outputShape).toEqual([null, 5, 12]);
  const all = apart();
  const segments = (i: number, j: number) => i < 4 === j < 4;
  const packed = tf.concat(flat(all), -1);
  expectSame(model.predict(packed), tf.reshape(expected(all, segments), [2, 5, 12]));
  const loaded = await expectSurvives(model, packed);
  expect((loaded.layers[0] as MMEncoderAttention).config).toEqual(layer.config);
  const [q, k, v] = all;
  const other = layer.call([q, k, v], { cuSeqlens: null });
  expectSame(other, expected(all, sameRow));
});

test('a mask hides padded keys', () => {
  const layer = new MMEncoderAttention(ARGS);
  const all = apart();
  const mask = tf.tensor2d([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]]); // prettier-ignore
  const flags = mask.dataSync();
  const sees = (i: number, j: number) => sameRow(i, j) && flags[j] === 1;
  expectSame(layer.call(all, { mask }), expected(all, sees));
  expectSame(layer.apply([...all, mask]), expected(all, sees));
  const both = () => layer.call(all, { mask, cuSeqlens: Int32Array.of(0, 10) });
  expect(both).toThrow(/exclude each other/);
});

test('no tensor is left behind', () => {
  const layer = new MMEncoderAttention(ARGS);
  const [q, k, v] = apart();
  const before = tf.memory().numTensors;
  layer.forward(q, k, v, Int32Array.of(0, 3, 10)).dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test('bad arguments are named', () => {
  const layer = new MMEncoderAttention({ ...ARGS, name: 'vit' });
  const [q, k, v] = apart();
  const call = (...cuSeqlens: number[]) => layer.forward(q, k, v, Int32Array.from(cuSeqlens));
  expect(() => call(0, 4)).toThrow(/'vit': cuSeqlens ends with 4, there are 10 tokens/);
  expect(() => call(0, 6, 4, 10)).toThrow(/entry 2 is 4 after 6/);
  expect(() => call(1, 10)).toThrow(/begin with 0/);
  expect(() => layer.forward(q, ...(apart(3).slice(1) as [tf.Tensor, tf.Tensor]), Int32Array.of(0, 10))).toThrow(/as many keys/); // prettier-ignore
  expect(() => new MMEncoderAttention({ ...ARGS, numHeads: 3 })).toThrow(
    /numHeads 3 .*numKvHeads 2/,
  );
  const onTpu = new MMEncoderAttention({ ...ARGS, attnBackend: 'PALLAS' });
  expect(() => onTpu.apply([q, k, v])).toThrow(/PALLAS.*needs a TPU/);
  expect(new MMEncoderAttention({ ...ARGS, prefix: '', name: 'tower' }).name).toBe('tower');
  expect(() => layer.apply(tf.squeeze(tf.slice(q, [0], [1]), [0]))).toThrow();
});

test("vLLM's old name is an alias beside the layer", () => {
  expect(MultiHeadAttention).toBe(MMEncoderAttention);
});
