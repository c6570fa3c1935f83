import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { MaskMod } from '../backends/mask_mods.js';
import { FlashAttentionBackend } from '../backends/strategies/flash_attn.js';
import { withForwardContext } from '../forward_context.js';
import { withForcedAttnBackend } from '../selector.js';
import { planAttention } from '../utils/plan_attention.js';
import { Attention } from './attention.js';
import type { AttentionArgs } from './attention_config.js';
import { EncoderOnlyAttention } from './encoder_only_attention.js';
import { ARGS, byDefinition, expectSame, expectSurvives, random, tokens } from './fixtures.js';

const near: MaskMod = (_b, _n, p, j) => Math.abs(p - j) < 2;

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend('cpu');
});
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

describe('mask functions', () => {
  const args = { ...ARGS, attnBackend: 'FLEX_ATTENTION' as const };

  test('in dense use, within a window and a mask', () => {
    const everyOther: MaskMod = (_b, _n, p, j) => (p - j) % 2 === 0;
    const sees = (i: number, j: number) => (i - j) % 2 === 0;
    const all = tokens(7);
    const layer = new Attention({ ...args, extraImplArgs: { maskMod: everyOther } });
    const before = tf.memory().numTensors;
    expectSame(layer.apply(all), byDefinition(...all, sees));
    expect(tf.memory().numTensors).toBe(before + 2);
    const window = new Attention({
      ...args,
      slidingWindow: 4,
      extraImplArgs: { maskMod: everyOther },
    });
    const inWindow = byDefinition(...all, (i, j) => sees(i, j) && Math.abs(i - j) < 4);
    expectSame(window.apply(all), inWindow);
    const keys = tf.tensor([1, 1, 0, 1, 1, 1, 1], [1, 7]);
    const batched = [...all.map((x) => tf.expandDims(x, 0)), keys];
    const masked = tf.squeeze(layer.apply(batched) as tf.Tensor, [0]);
    expectSame(
      masked,
      byDefinition(...all, (i, j) => sees(i, j) && j !== 2),
    );
  });

  test('told apart by sequence and head', () => {
    const maskMod: MaskMod = Object.assign(
      (b: number, n: number, p: number, j: number) => j <= p && (b === 0 || n < 2 || j === p),
      { perHead: true },
    );
    const [q, k, v] = tokens(4).map((x) => tf.stack([x, x]));
    const layer = new Attention({ ...args, extraImplArgs: { maskMod } });
    const [first, second] = tf.unstack(layer.apply([q, k, v]) as tf.Tensor);
    const causal = byDefinition(...tokens(4), (i, j) => j <= i);
    const own = byDefinition(...tokens(4), (i, j) => j === i);
    expectSame(first, causal);
    expectSame(
      second,
      tf.concat([tf.slice(causal, [0, 0], [4, 2]), tf.slice(own, [0, 2], [4, 2])], 1),
    );
  });

  test.each([
    [2, 3],
    [2, 2],
  ])('of an encoder whose requests have %i and %i tokens', (a, b) => {
    const layer = new EncoderOnlyAttention({ ...args, extraImplArgs: { maskMod: near } });
    const all = tokens(a + b);
    const attnMetadata = planAttention({
      queryStartLoc: Int32Array.of(0, a, a + b),
      seqLens: Int32Array.of(a, b),
      blockTables: [[1], [2]],
    });
    const out = withForwardContext({ attnMetadata }, () => layer.apply(all));
    const sees = (i: number, j: number) => i < a === j < a && Math.abs(i - j) < 2;
    expectSame(out, byDefinition(...all, sees));
  });

  test('are not saved, as no file holds a function', () => {
    const layer = new Attention({ ...args, extraImplArgs: { maskMod: near } });
    expect(() => layer.getConfig()).toThrow(/maskMod is a function/);
  });
});

describe('a dense call refuses what its strategy does not take', () => {
  test.each<[string, Partial<AttentionArgs>, RegExp]>([
    ['a mask function', { extraImplArgs: { maskMod: near } }, /mask functions not supported/],
    ['a score function', { extraImplArgs: { scoreMod: near } }, /score functions/],
    ['a misspelt one', { extraImplArgs: { chunkLookBack: 1 } }, /argument chunkLookBack not/],
    ['a class', { attnBackend: FlashAttentionBackend }, /head_size not supported: 3/],
    ['a name', { attnBackend: 'TORCH_SDPA' }, /head_size not supported: 3/],
  ])('%s', (_name, args, message) => {
    expect(() => new Attention({ ...ARGS, ...args }).apply(tokens(3))).toThrow(message);
  });

  test('also where it is forced', () => {
    const layer = new Attention(ARGS);
    const call = () => layer.apply(tokens(3));
    expect(() => withForcedAttnBackend('TORCH_SDPA', call)).toThrow(/head_size not supported: 3/);
    expect(withForcedAttnBackend('COMPOSED', call)).toBeInstanceOf(tf.Tensor);
  });
});

describe('numbers a head', () => {
  test('a sink of -Infinity survives', async () => {
    const model = tfl.sequential();
    model.add(new Attention({ ...ARGS, sinks: [-Infinity, 0, 1, 2], inputShape: [4, 28] }));
    const loaded = await expectSurvives(model, random([2, 4, 28], 3));
    expect((loaded.layers[0] as Attention).config.sinks).toEqual([-Infinity, 0, 1, 2]);
  });

  test.each<[Partial<AttentionArgs>, RegExp]>([
    [{ sinks: [NaN, 0, 0, 0] }, /sinks\[0\] must be a finite number or -Infinity, got NaN/],
    [{ sinks: [0, Infinity, 0, 0] }, /sinks\[1\]/],
    [{ alibiSlopes: [0, 0, -Infinity, 0] }, /alibiSlopes\[2\] must be a finite number, got -Inf/],
    [{ alibiSlopes: [0, 0, 0, 1e39] }, /alibiSlopes\[3\]/],
  ])('%j is refused', (args, message) => {
    expect(() => new Attention({ ...ARGS, ...args })).toThrow(message);
  });
});
