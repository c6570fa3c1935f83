import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { withForwardContext } from '../forward_context.js';
import { planAttention } from '../utils/plan_attention.js';
import { Attention } from './attention.js';
import { ARGS, byDefinition, expectSame, random, tokens } from './fixtures.js';

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend('cpu');
});
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const FLAGS = [1, 0, 1, 1, 0];
const mask = () => tf.tensor2d([FLAGS], [1, 5], 'bool');
const causal = (i: number, j: number) => j <= i;
const seen = (i: number, j: number) => causal(i, j) && FLAGS[j] === 1;

/** [1, 5, ...] of tokens, and what they give. */
function world() {
  const all = tokens(5);
  const batched = all.map((x) => tf.expandDims(x, 0));
  const expected = (sees: (i: number, j: number) => boolean) =>
    tf.expandDims(byDefinition(...all, sees), 0);
  return { all, batched, expected };
}

test('a fourth input: keys, or pairs, or pairs of every head; any dtype', () => {
  const { batched, expected } = world();
  const layer = new Attention(ARGS);
  const pairs = tf.tensor(Array.from({ length: 25 }, (_, at) => Number(at % 5 !== Math.floor(at / 5) - 1)), [1, 5, 5]); // prettier-ignore
  const notBefore = (i: number, j: number) => causal(i, j) && j !== i - 1;
  expectSame(layer.apply([...batched, mask()]), expected(seen));
  expectSame(layer.apply([...batched, tf.cast(mask(), 'int32')]), expected(seen));
  expectSame(layer.apply([...batched, pairs]), expected(notBefore));
  const ofHeads = tf.tile(tf.expandDims(pairs, 1), [1, 4, 1, 1]);
  expectSame(layer.apply([...batched, ofHeads]), expected(notBefore));
  expect(() => layer.apply([...batched, tf.ones([2, 5])])).toThrow(/with B = 1, got \[2, 5\]/);
});

test('a mask of Keras hides padded keys', () => {
  const { batched, expected } = world();
  const layer = new Attention(ARGS);
  expectSame(layer.apply(batched, { mask: mask() }), expected(seen));
  expectSame(layer.apply(batched, { mask: [null, mask(), null] }), expected(seen));
});

test('a mask that does not fit is not for this layer', () => {
  const { batched, expected } = world();
  const stray = tf.ones([1, 7], 'bool');
  expectSame(new Attention(ARGS).apply(batched, { mask: stray }), expected(causal));
});

test("cross attention takes the keys' mask, not the queries'", () => {
  const { all, batched, expected } = world();
  const layer = new Attention({ ...ARGS, attnType: 'encoder_decoder' });
  expectSame(layer.apply(batched, { mask: mask() }), expected(() => true)); // prettier-ignore
  Object.assign(batched[1], { kerasMask: mask() });
  expectSame(layer.apply(batched), expected((_, j) => FLAGS[j] === 1)); // prettier-ignore
  expect(all).toHaveLength(3);
});

test('in a model, Masking hides what it masks, and the mask goes on', () => {
  const model = tfl.sequential();
  model.add(tfl.layers.masking({ maskValue: 0, inputShape: [5, 28] }));
  model.add(new Attention(ARGS));
  const { all, expected } = world();
  const packed = tf.concat(all.map((x) => tf.reshape(x, [5, -1])), -1); // prettier-ignore
  const padded = tf.expandDims(tf.mul(packed, tf.tensor2d(FLAGS, [5, 1])), 0);
  const out = model.predict(padded) as tf.Tensor;
  const want = tf.reshape(expected(seen), [1, 5, 20]);
  FLAGS.forEach((flag, row) => {
    if (flag === 1) expectSame(tf.slice(out, [0, row], [1, 1]), tf.slice(want, [0, row], [1, 1]));
  });
  const layer = new Attention(ARGS);
  const given = mask();
  expect(layer.supportsMasking).toBe(true);
  expect(layer.computeMask([], [given, given, given])).toBe(given);
});

test('a context knows which keys count: a mask input is refused, a mask of Keras is left out', () => {
  const { all } = world();
  const layer = new Attention({ ...ARGS, attnType: 'encoder' });
  const attnMetadata = planAttention({
    queryStartLoc: Int32Array.of(0, 5),
    seqLens: Int32Array.of(5),
    blockTables: [[0]],
  });
  const run = <T>(fn: () => T) => withForwardContext({ attnMetadata }, fn);
  const withMask = () => layer.apply([...all, random([5], 1)]);
  expect(() => run(withMask)).toThrow(/mask input has no place in a forward context/);
  expectSame(run(() => layer.apply(all, { mask: mask() })), byDefinition(...all, () => true)); // prettier-ignore
});
