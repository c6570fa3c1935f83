import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { InvalidArgumentError } from '../errors.js';
import { setForwardContext } from '../forward_context.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import { Attention } from '../layers/attention.js';
import { ARGS, build, byDefinition, expectSame, rows, step, tokens, vllmConfig } from '../layers/fixtures.js'; // prettier-ignore
import { bindKvCache } from './bind_kv_cache.js';
import { validateKvSharingTarget } from './kv_sharing.js';
import { extractLayerIndex } from './layer_index.js';

beforeAll(() => {
  tf.env().set('IS_TEST', true);
  return tf.setBackend('cpu');
});

describe('validateKvSharingTarget', () => {
  const layers = {
    'layers.0.attn': { attnType: 'decoder' },
    'layers.1.attn': { attnType: 'encoder_only' },
    'layers.2.attn': { attnType: 'decoder' },
  } as const;
  const check = (current: string, target: string) => () =>
    validateKvSharingTarget(current, target, layers);

  test('an earlier layer of the same type', () => {
    expect(check('layers.2.attn', 'layers.0.attn')).not.toThrow();
  });

  test.each([
    ['layers.2.attn', 'layers.2.attn', /cannot be the current layer itself/],
    ['layers.2.attn', 'layers.3.attn', /must come before the current layer/],
    ['layers.2.attn', 'layers.1.mlp', /is not a valid Attention layer in the model/],
    ['layers.2.attn', 'layers.1.attn', /same type as the current layer \('decoder', not 'encoder_only'\)/],
  ])('%s -> %s', (current, target, message) => {
    expect(check(current, target)).toThrow(InvalidArgumentError);
    expect(check(current, target)).toThrow(message);
    expect(check(current, target)).toThrow(`'${target}' of '${current}'`);
  }); // prettier-ignore
});

describe('extractLayerIndex', () => {
  test.each([
    ['model.layers.31.self_attn.attn', 31],
    ['attention_3', 3],
    ['decoder/7/attn', 7],
  ])('%s', (name, index) => expect(extractLayerIndex(name)).toBe(index));

  test.each(['attn', 'layers.1.experts.2', 'layer3.attn'])('%s tells none', (name) =>
    expect(() => extractLayerIndex(name)).toThrow(InvalidArgumentError),
  );
});

describe('bindKvCache', () => {
  const holder = () => ({ kvCache: [] as KvCache[] });

  test("caches come in the order of the layers' numbers", () => {
    const [a, b, c] = ['a', 'b', 'c'] as unknown as KvCache[];
    const layers = { 'l.10.x': holder(), 'l.2.x': holder(), 'l.2.y': holder() };
    expect(bindKvCache({ 'l.10.x': a, 'l.2.x': b, 'l.2.y': c }, layers)).toEqual([b, c, a]);
    expect(Object.values(layers).map(({ kvCache }) => kvCache)).toEqual([[a], [b], [c]]);
  });

  test('a name without a layer binds nothing', () => {
    const layers = { 'l.0': holder() };
    const caches = { 'l.0': {} as KvCache, 'l.1': {} as KvCache };
    expect(() => bindKvCache(caches, layers)).toThrow(
      /no attention layer 'l\.1' \(there are l\.0\)/,
    );
    expect(layers['l.0'].kvCache).toEqual([]);
  });
});

describe("a layer that reads another's cache", () => {
  function world(bind: (config: ReturnType<typeof vllmConfig>, cache: KvCache) => object) {
    const config = vllmConfig();
    const target = new Attention({ ...ARGS, prefix: 'layers.0.attn', vllmConfig: config });
    const reader = new Attention({
      ...ARGS,
      prefix: 'layers.1.attn',
      kvSharingTargetLayerName: 'layers.0.attn',
      vllmConfig: config,
    });
    const cache = new KvCache(target.getKvCacheSpec(config) as never, { numBlocks: 3 });
    const kvCaches = bind(config, cache);
    const run = (layer: Attention, inputs: tf.Tensor | tf.Tensor[]) =>
      setForwardContext(build(target, step(0, 3, [2, 1])), config, kvCaches, () =>
        layer.apply(inputs),
      );
    return { target, reader, cache, run };
  }
  const ways = {
    'by the context': (_: unknown, cache: KvCache) => ({ kvCaches: { 'layers.0.attn': cache } }),
    'bound to the target': (config: ReturnType<typeof vllmConfig>, cache: KvCache) => {
      bindKvCache({ 'layers.0.attn': cache }, config.compilationConfig?.staticForwardContext ?? {});
      return {};
    },
  };

  test.each(Object.entries(ways))('%s: it writes nothing, and needs no keys', (_, bind) => {
    const { target, reader, cache, run } = world(bind);
    const all = tokens(4);
    const [q, k, v] = rows(all, 0, 3);
    run(target, [q, k, v]);
    const before = cache.toTensors().key.dataSync();
    const query = tokens(3, 50)[0];
    const expected = byDefinition(query, k, v, (i, j) => j <= i);
    const others = tokens(3, 60).slice(1);
    expectSame(run(reader, [query, ...others]), expected);
    expectSame(run(reader, query), expected);
    expectSame(run(reader, tf.reshape(query, [3, 12])), tf.reshape(expected, [3, 20]));
    expect(cache.toTensors().key.dataSync()).toEqual(before);
  }); // prettier-ignore

  test('its target is checked when it is made', () => {
    const config = vllmConfig();
    const make = () =>
      new Attention({
        ...ARGS,
        prefix: 'layers.1.attn',
        kvSharingTargetLayerName: 'layers.0.attn',
        vllmConfig: config,
      });
    expect(make).toThrow(/not a valid Attention layer/);
    new Attention({ ...ARGS, prefix: 'layers.0.attn', attnType: 'encoder', vllmConfig: config });
    expect(make).toThrow(/same type/);
  });
});
