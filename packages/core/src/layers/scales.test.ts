import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { QuantizationConfig } from '../config.js';
import { InvalidArgumentError } from '../errors.js';
import { setForwardContext, withForwardContext } from '../forward_context.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import { BaseKVCacheMethod } from '../quantization/kv_cache_method.js';
import { Attention } from './attention.js';
import {
  ARGS,
  build,
  byDefinition,
  expectSame,
  rows,
  step,
  tokens,
  vllmConfig,
} from './fixtures.js';
import { maybeCalcKvScales } from './unified_attention.js';

const FP8 = { blockSize: 2, cacheDtype: 'fp8' as const };
const biggest = (x: tf.Tensor) => tf.max(tf.abs(x)).dataSync()[0];

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend('cpu');
});
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const quantConfig: QuantizationConfig = {
  getName: () => 'fp8',
  getQuantMethod: () => new BaseKVCacheMethod(quantConfig),
};

/** A built layer whose checkpoint set some of [q, k, v, prob]. */
function loaded(values: number[], args: object = {}) {
  const layer = new Attention({ ...ARGS, cacheConfig: FP8, quantConfig, ...args });
  layer.apply(tokens(1));
  layer.setWeights(values.map((value) => tf.scalar(value)));
  layer.processWeightsAfterLoading();
  const { qScale, kScale, vScale, probScale } = layer;
  return { layer, scales: [qScale, kScale, vScale, probScale] };
}

describe('measured', () => {
  function world() {
    const config = vllmConfig({ cacheConfig: { ...FP8, calculateKvScales: true } });
    const layer = new Attention({ ...ARGS, prefix: 'a', vllmConfig: config, cacheConfig: config.cacheConfig }); // prettier-ignore
    const spec = layer.getKvCacheSpec(config);
    const cache = new KvCache(spec as never, { numBlocks: 3, dtype: 'fp8' });
    const all = tokens(4);
    const run = (from: number, to: number, enableKvScalesCalculation: boolean) => {
      const metadata = build(
        layer,
        step(from, to, [2, 1], 2, { enableKvScalesCalculation }),
        config,
      );
      return setForwardContext(metadata, config, { kvCaches: { a: cache } }, () =>
        layer.apply(rows(all, from, to)),
      );
    };
    return { config, layer, cache, all, run };
  }

  test('once, in the first step whose metadata ask for it', () => {
    const { layer, cache, all, run } = world();
    run(0, 1, false);
    expect([layer.calculateKvScales, layer.kScale]).toEqual([true, 1]);
    const first = rows(all, 0, 3);
    run(0, 3, true);
    expect(layer.calculateKvScales).toBe(false);
    const expected = [200, 200, 100].map((range, i) => Math.fround(biggest(first[i]) / range));
    expect([layer.qScale, layer.kScale, layer.vScale]).toEqual(expected);
    expect([cache.layout.kScale, cache.layout.vScale]).toEqual(expected.slice(1));
    run(3, 4, true);
    expect(layer.kScale).toBe(expected[1]);
  });

  test('the cache is written and read with them', () => {
    const { all, run } = world();
    const out = run(0, 4, true) as tf.Tensor;
    // fp8 keeps 3 bits: 1/16 of the largest value and of the scores' effect.
    expectSame(out, byDefinition(...all, (i, j) => j <= i), 0.2); // prettier-ignore
  });

  test('by name', () => {
    const { config, layer, all } = world();
    const metadata = build(
      layer,
      step(0, 4, [2, 1], 2, { enableKvScalesCalculation: true }),
      config,
    );
    const cache = new KvCache(layer.getKvCacheSpec(config) as never, { numBlocks: 3 });
    setForwardContext(metadata, config, { kvCaches: { a: cache } }, () =>
      maybeCalcKvScales(...all, 'a'),
    );
    expect(layer.kScale).toBe(Math.fround(biggest(all[1]) / 200));
  });

  test('the ranges are flags', () => {
    const { layer, all } = world();
    layer.calcKvScales(...all);
    tf.env().set('TFJS_ATTENTION_K_SCALE_CONSTANT', 50);
    layer.calcKvScales(...all);
    tf.env().set('TFJS_ATTENTION_K_SCALE_CONSTANT', 200);
    expect(layer.kScale).toBe(Math.fround(biggest(all[1]) / 50));
    layer.calcKvScales(...(all.map(tf.zerosLike) as unknown as typeof all));
    expect(layer.kScale).toBe(1);
  });
});

describe('from a checkpoint', () => {
  test.each([
    ['none', [-1, -1, -1, -1], [1, 1, 1, 1]],
    ['k and v', [-1, 0.5, 0.25, -1], [1, 0.5, 0.25, 1]],
    ['k alone counts for both', [-1, 0.5, -1, -1], [1, 0.5, 0.5, 1]],
    ['v alone counts for both', [-1, -1, 0.25, -1], [1, 0.25, 0.25, 1]],
    ['all', [2, 0.5, 0.25, 0.125], [2, 0.5, 0.25, 0.125]],
  ])('%s', (_, values, expected) => {
    expect(loaded(values).scales).toEqual(expected);
  });

  test("an 'auto' cache has no use for k and v", () => {
    const cacheConfig = { blockSize: 2, cacheDtype: 'auto' as const };
    expect(loaded([2, 0.5, 0.25, -1], { cacheConfig }).scales).toEqual([2, 1, 1, 1]);
  });

  test('a loaded q ends the measuring, which k and v had waited for', () => {
    const cacheConfig = { ...FP8, calculateKvScales: true };
    const { layer, scales } = loaded([2, 0.5, 0.25, -1], { cacheConfig });
    expect(scales).toEqual([2, 1, 1, 1]);
    expect(layer.calculateKvScales).toBe(false);
    expect(loaded([-1, 0.5, 0.25, -1], { cacheConfig }).layer.calculateKvScales).toBe(true);
  });

  test('the values are weights of the layer: saved, loaded, not trained', async () => {
    const model = tfl.sequential();
    const layer = new Attention({ ...ARGS, name: 'attn', cacheConfig: FP8, quantConfig, inputShape: [2, 28] }); // prettier-ignore
    model.add(layer);
    const names = ['q_scale', 'k_scale', 'v_scale', 'prob_scale'];
    expect(layer.weights.map(({ originalName }) => originalName)).toEqual(
      names.map((name) => `attn/${name}`),
    );
    expect(layer.trainableWeights).toEqual([]);
    await Promise.resolve();
    model.loadWeights({ 'attn/q_scale': tf.scalar(3), 'attn/k_scale': tf.scalar(0.5), 'attn/v_scale': tf.scalar(0.25), 'attn/prob_scale': tf.scalar(-1) }); // prettier-ignore
    layer.processWeightsAfterLoading();
    expect([layer.qScale, layer.kScale, layer.vScale, layer.probScale]).toEqual([3, 0.5, 0.25, 1]);
  });

  test('a cache takes them over before it is written', () => {
    const { layer } = loaded([-1, 0.5, 0.25, -1]);
    const config = vllmConfig();
    const cache = new KvCache(layer.getKvCacheSpec(config) as never, {
      numBlocks: 3,
      dtype: 'fp8',
    });
    layer.prepareCache(cache);
    expect([cache.layout.kScale, cache.layout.vScale]).toEqual([0.5, 0.25]);
    const plain = new KvCache(layer.getKvCacheSpec(config) as never, { numBlocks: 3 });
    layer.prepareCache(plain);
    expect(plain.layout.kScale).toBe(1);
  });

  test('scales of heads and tokens are not replaced by one of the tensor', () => {
    const spec = new Attention(ARGS).getKvCacheSpec(vllmConfig()) as never;
    const make = (options: object) => new KvCache(spec, { numBlocks: 1, ...options });
    const heads = make({ dtype: 'fp8', kScale: Float32Array.of(1, 2) });
    expect(() => heads.setScales(0.5, 0.5)).toThrow(/a scale a head/);
    expect(() => make({ dtype: 'int8_per_token_head' }).setScales(0.5, 0.5)).toThrow(
      /a scale a token/,
    );
    const cache = make({ dtype: 'fp8' });
    expect(() => cache.setScales(0.5, -1)).toThrow(/vScale must be positive/);
    expect([cache.layout.kScale, cache.layout.vScale]).toEqual([1, 1]);
  });

  test('what a checkpoint cannot mean is refused', () => {
    expect(() => loaded([-1, 0, -1, -1])).toThrow(InvalidArgumentError);
    expect(() => loaded([-1, 0, -1, -1])).toThrow(/k_scale .*must not be 0/);
    expect(() => loaded([-1, NaN, -1, -1])).toThrow(/k_scale .*finite/);
    const e5m2 = { blockSize: 2, cacheDtype: 'fp8_e5m2' as const };
    expect(() => new Attention({ ...ARGS, cacheConfig: e5m2, quantConfig })).toThrow(/fp8_e5m2/);
    const other = { getName: () => 'other', getQuantMethod: () => ({}) as never };
    expect(() => new Attention({ ...ARGS, quantConfig: other })).toThrow(
      /'other'.*BaseKVCacheMethod/,
    );
    const none = { getName: () => 'none', getQuantMethod: () => null };
    expect(new Attention({ ...ARGS, quantConfig: none }).quantMethod).toBeNull();
    expect(() => new BaseKVCacheMethod(quantConfig).apply()).toThrow(/apply has no meaning/);
  });
});

test('a layer that reads the cache of another leaves it its scales', () => {
  const { layer } = loaded([-1, 0.5, 0.25, -1], { name: 'layers.0.s' });
  const target = { kvSharingTargetLayerName: 'layers.0.s' };
  const reader = loaded([-1, 2, 4, -1], { name: 'layers.1.s', ...target }).layer;
  const config = vllmConfig({ cacheConfig: FP8 });
  const cache = new KvCache(layer.getKvCacheSpec(config) as never, { numBlocks: 3, dtype: 'fp8' });
  const all = tokens(4);
  const run = (each: Attention) => {
    const attnMetadata = build(each, step(0, 4, [2, 1]), config);
    const context = { attnMetadata, kvCaches: { 'layers.0.s': cache } };
    return withForwardContext(context, () => each.apply(all)) as tf.Tensor;
  };
  const expected = run(layer);
  expectSame(run(reader), expected);
  expect(cache.layout).toMatchObject({ kScale: 0.5, vScale: 0.25 });
});
