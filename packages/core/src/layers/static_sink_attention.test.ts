import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { withForwardContext } from '../forward_context.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import { CommonAttentionMetadata } from '../metadata/common_attention_metadata.js';
import {
  ARGS,
  build,
  byDefinition,
  expectSame,
  expectSurvives,
  random,
  rows,
  step,
  tokens,
  vllmConfig,
} from './fixtures.js';
import { prependSinkBlocks } from './sink_blocks.js';
import { StaticSinkAttention } from './static_sink_attention.js';

const args = { ...ARGS, sinkLen: 4 };

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend('cpu');
});
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

/** A built layer, and its learned tokens made large enough to matter. */
function world() {
  const layer = new StaticSinkAttention({ ...args, name: 'sink' });
  layer.apply(tokens(1));
  const [sinkKey, sinkValue] = [random([4, 2, 3], 31), random([4, 2, 5], 32)];
  layer.updateSinkKv(sinkKey, sinkValue);
  const [q, k, v] = tokens(7);
  const behind = (learned: tf.Tensor, own: tf.Tensor) => tf.concat([learned, own]);
  const expected = (learnedKey: tf.Tensor, learnedValue: tf.Tensor) =>
    byDefinition(q, behind(learnedKey, k), behind(learnedValue, v), (i, j) => j - 4 <= i);
  return { layer, sinkKey, sinkValue, all: [q, k, v] as const, expected };
}

describe('over a cache', () => {
  test('learned tokens come before every sequence, and follow the weights', () => {
    const { layer, sinkKey, sinkValue, all, expected } = world();
    const cache = new KvCache(layer.getKvCacheSpec(vllmConfig()), { numBlocks: 8 });
    const run = (from: number, to: number) => {
      const metadata = build(layer, step(from, to, [7, 4, 6, 3]));
      const context = { attnMetadata: metadata, kvCaches: { sink: cache } };
      return withForwardContext(context, () => layer.apply([...rows(all, from, to)])) as tf.Tensor;
    };
    const parts = [run(0, 4), run(4, 5), run(5, 7)];
    expectSame(tf.concat(parts), expected(sinkKey, sinkValue));
    const other = [random([4, 2, 3], 41), random([4, 2, 5], 42)] as const;
    layer.updateSinkKv(...other);
    expectSame(run(5, 7), tf.slice(expected(...other), [5], [2]));
    layer.dispose();
  });

  test('the batch: blocks 1 to n before each row, lengths longer but for empty rows', () => {
    const batch = new CommonAttentionMetadata({
      queryStartLoc: Int32Array.of(0, 2, 2),
      seqLens: Int32Array.of(5, 0),
      blockTable: Int32Array.of(7, 5, 6, 0, 0, 0),
      slotMapping: Int32Array.of(11, 12),
    });
    const { blockTable, seqLens, numComputedTokens, maxBlocksPerReq, slotMapping, maxSeqLen } =
      prependSinkBlocks(batch, 4, 2);
    expect(Array.from(blockTable)).toEqual([1, 2, 7, 5, 6, 1, 2, 0, 0, 0]);
    expect([maxBlocksPerReq, maxSeqLen]).toEqual([5, 9]);
    expect([...seqLens, ...numComputedTokens]).toEqual([9, 0, 7, 0]);
    expect(Array.from(slotMapping)).toEqual([11, 12]);
    expect(() => prependSinkBlocks(batch, 3, 2)).toThrow(
      /3 must be a multiple of the block size 2/,
    );
  });

  test('a cache without room for them is refused', () => {
    const { layer } = world();
    const cache = new KvCache(layer.getKvCacheSpec(vllmConfig()), { numBlocks: 2 });
    expect(() => layer.populateSinkKv(cache)).toThrow(/blocks 1 to 2, the cache has 2/);
  });
});

describe('dense', () => {
  test('learned tokens come before every sequence of a batch', () => {
    const { layer, sinkKey, sinkValue, all, expected } = world();
    const twice = all.map((x) => tf.stack([x, x]));
    const out = layer.apply(twice) as tf.Tensor;
    const one = expected(sinkKey, sinkValue);
    expectSame(out, tf.stack([one, one]));
    expectSame(layer.apply([...all]), one);
  });

  test('a mask of the keys leaves them visible', () => {
    const { layer, sinkKey, sinkValue, all } = world();
    const mask = tf.tensor2d([[1, 0, 1, 1, 1, 1, 0]]);
    const out = layer.apply([...all.map((x) => tf.expandDims(x, 0)), mask]) as tf.Tensor;
    const [q, k, v] = all;
    const sees = (i: number, j: number) => j - 4 <= i && j !== 5 && j !== 10;
    const [keys, values] = [tf.concat([sinkKey, k]), tf.concat([sinkValue, v])];
    expectSame(tf.squeeze(out, [0]), byDefinition(q, keys, values, sees));
  });

  test('the weights are trained, saved and loaded', async () => {
    const model = tfl.sequential();
    const layer = new StaticSinkAttention({ ...args, inputShape: [3, 28] });
    model.add(layer);
    expect(layer.trainableWeights.map(({ name }) => name)).toEqual([
      expect.stringContaining('sink_key'),
      expect.stringContaining('sink_value'),
    ]);
    const x = random([2, 3, 28], 51);
    const loss = () => tf.mean(tf.square(tf.sub(model.apply(x) as tf.Tensor, 1)));
    const variables = layer.trainableWeights.map((w) => w.read() as tf.Variable);
    const before = variables.map((variable) => variable.clone());
    const { value, grads } = tf.variableGrads(loss as () => tf.Scalar, variables);
    expect(Object.keys(grads)).toHaveLength(2);
    tf.train.sgd(0.5).applyGradients(grads);
    expect(loss().dataSync()[0]).toBeLessThan(value.dataSync()[0]);
    variables.forEach((variable, i) =>
      expect(tf.max(tf.abs(tf.sub(variable, before[i]))).dataSync()[0]).toBeGreaterThan(0),
    );
    const loaded = await expectSurvives(model, x);
    expect((loaded.layers[0] as StaticSinkAttention).sinkLen).toBe(4);
  });
});

test('its spec, its errors', () => {
  const layer = new StaticSinkAttention(args);
  expect(layer.getKvCacheSpec(vllmConfig())).toMatchObject({ sinkLen: 4 });
  expect(() => layer.getKvCacheSpec(vllmConfig({ cacheConfig: { blockSize: 3, cacheDtype: 'auto' } }))).toThrow(/multiple/); // prettier-ignore
  expect(() => new StaticSinkAttention({ ...args, sinkLen: 0 })).toThrow(/sinkLen .*got 0/);
  expect(() => new StaticSinkAttention({ ...args, slidingWindow: 4 })).toThrow(/RSWAAttention/);
  expect(() => layer.updateSinkKv(tf.zeros([1]), tf.zeros([1]))).toThrow(/not there yet/);
});

test('ranges that see themselves both ways stay with their tokens', () => {
  const layer = new StaticSinkAttention({ ...args, sinkLen: 2 });
  const config = vllmConfig();
  const cache = new KvCache(layer.getKvCacheSpec(config), { numBlocks: 5 });
  const [q, k, v] = tokens(4);
  layer.apply([q, k, v]);
  const attnMetadata = build(layer, step(0, 4, [3, 4], 2, { mmPrefixRanges: [[[1, 3]]] }), config);
  const context = { attnMetadata, kvCaches: { [layer.name]: cache } };
  const out = withForwardContext(context, () => layer.apply([q, k, v]));
  const [sinkKey, sinkValue] = layer.getWeights();
  const [keys, values] = [tf.concat([sinkKey, k]), tf.concat([sinkValue, v])];
  const expected = byDefinition(q, keys, values, (i, j) => j <= i + 2 || (i >= 1 && j >= 3));
  expectSame(out, expected);
});
