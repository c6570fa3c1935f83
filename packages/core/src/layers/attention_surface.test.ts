import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { clearOverride, registerBackend } from '../backends/registry.js';
import { FlashAttentionBackend } from '../backends/strategies/flash_attn.js';
import { ComposedAttentionBackend } from '../backends/strategies/generic.js';
import { MissingMetadataError } from '../errors.js';
import { createForwardContext, setForwardContext, withForwardContext } from '../forward_context.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import { FullAttentionSpec, SlidingWindowSpec } from '../kv_cache/spec.js';
import { CommonAttentionMetadata } from '../metadata/common_attention_metadata.js';
import { bindKvCache } from '../utils/bind_kv_cache.js';
import { Attention } from './attention.js';
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
import {
  getAttentionContext,
  unifiedAttention,
  unifiedAttentionWithOutput,
} from './unified_attention.js';

const causal = (i: number, j: number) => j <= i;

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend('cpu');
});
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

/** A layer in a config of its own, with a cache of 3 blocks bound to it. */
function bound(args: Partial<ConstructorParameters<typeof Attention>[0]> = {}) {
  const config = vllmConfig();
  const layer = new Attention({ ...ARGS, prefix: 'layers.0.attn', vllmConfig: config, ...args });
  const spec = layer.getKvCacheSpec(config) as FullAttentionSpec;
  const cache = new KvCache(spec, { numBlocks: 3 });
  const layers = config.compilationConfig?.staticForwardContext ?? {};
  bindKvCache({ 'layers.0.attn': cache }, layers);
  return { config, layer, cache };
}

describe('strategy', () => {
  test('impl, backend and dtype are public', () => {
    const { layer } = bound();
    expect(layer.getAttnBackend()).toBe(layer.attnBackend);
    expect(layer.impl).toBe(layer.impl);
    expect(layer.impl).toBeInstanceOf(layer.attnBackend.getImplCls());
    expect(layer.kvCacheTorchDtype).toBe('float32');
    expect(layer.extraRepr()).toBe(
      `headSize=3, numHeads=4, numKvHeads=2, scale=${1 / Math.sqrt(3)}, backend=${layer.impl.constructor.name}`,
    );
  });

  test('arguments arrive at the implementation', () => {
    const { impl } = new Attention({
      ...ARGS,
      scale: 0.5,
      perLayerSlidingWindow: 3,
      logitsSoftCap: 2,
      sinks: [1, 2, 3, 4],
      alibiSlopes: [1, 0, 0, 0],
      attnBackend: 'COMPOSED',
      extraImplArgs: { chunkLookback: 1 },
    });
    expect(impl).toMatchObject({ scale: 0.5, slidingWindow: [2, 0], logitsSoftCap: 2 });
    expect(Array.from(impl.sinks ?? [])).toEqual([1, 2, 3, 4]);
    expect(Array.from(impl.alibiSlopes ?? [])).toEqual([1, 0, 0, 0]);
    expect(impl.extra).toMatchObject({ chunkLookback: 1, valueHeadSize: 5 });
  });

  test('a class is saved by its registry name, and only if the name leads back to it', async () => {
    class Mine extends ComposedAttentionBackend {
      static override getName(): string {
        return 'CUSTOM';
      }
    }
    const layer = new Attention({ ...ARGS, attnBackend: Mine, inputShape: [4, 28] });
    expect(layer.getAttnBackend()).toBe(Mine);
    expect(() => layer.getConfig()).toThrow(/registerBackend\('CUSTOM', Mine\)/);
    registerBackend('CUSTOM', Mine);
    const model = tfl.sequential();
    model.add(layer);
    const loaded = await expectSurvives(model, random([2, 4, 28], 3));
    const twin = loaded.layers[0] as Attention;
    expect(twin.config).toEqual(layer.config);
    expect(twin.getAttnBackend()).toBe(Mine);
    clearOverride('CUSTOM');
  });

  test('a named one keeps its constraints', () => {
    const layer = new Attention({ ...ARGS, attnBackend: 'FLASH_ATTN' });
    expect(() => layer.getAttnBackend()).toThrow(/head_size not supported: 3/);
    const wide = new Attention({ ...ARGS, headSize: 64, attnBackend: FlashAttentionBackend });
    expect(wide.getAttnBackend()).toBe(FlashAttentionBackend);
  });
});

describe('arguments', () => {
  test('the window: layer before model', () => {
    const cacheConfig = { blockSize: 2, cacheDtype: 'auto' as const, slidingWindow: 7 };
    const window = (args: object) => new Attention({ ...ARGS, ...args }).config.slidingWindow;
    expect(window({ cacheConfig })).toBe(7);
    expect(window({ cacheConfig, perLayerSlidingWindow: 3 })).toBe(3);
    expect(window({ cacheConfig, slidingWindow: 2 })).toBe(2);
    expect(() => window({ slidingWindow: 2, perLayerSlidingWindow: 3 })).toThrow(/one argument/);
  });

  test('every string survives tfjs', async () => {
    const args = {
      ...ARGS,
      name: 'model.layers.3.self_attn.attn',
      attnType: 'encoder_only' as const,
      attnBackend: 'TORCH_SDPA' as const,
      kvSharingTargetLayerName: 'model.layers.1.self_attn.attn',
      cacheConfig: { blockSize: 32, cacheDtype: 'fp8_e4m3' as const },
      inputShape: [4, 28],
    };
    const model = tfl.sequential();
    const layer = new Attention(args);
    model.add(layer);
    const json = JSON.parse(JSON.stringify(model.toJSON(null, false))) as object;
    const loaded = await tfl.loadLayersModel({
      load: () => Promise.resolve({ modelTopology: json }),
    });
    expect((loaded.layers[0] as Attention).config).toEqual(layer.config);
    expect(layer.config).toMatchObject({
      attnBackend: 'TORCH_SDPA',
      kvSharingTargetLayerName: 'model.layers.1.self_attn.attn',
      cacheConfig: { blockSize: 32, cacheDtype: 'fp8_e4m3' },
    });
  });

  test('a cache type that is none', () => {
    const cacheConfig = { blockSize: 2, cacheDtype: 'int3' as never };
    expect(() => new Attention({ ...ARGS, cacheConfig })).toThrow(/'int3' is not one of/);
  });
});

describe('getKvCacheSpec', () => {
  test('the block size is that of the config at that time', () => {
    const layer = new Attention({ ...ARGS, cacheConfig: { blockSize: 4, cacheDtype: 'fp8' } });
    const spec = layer.getKvCacheSpec(vllmConfig());
    const expected = { ...ARGS, blockSize: 2, dtype: 'fp8_e4m3' as const };
    expect(spec?.equals(new FullAttentionSpec(expected))).toBe(true);
  });

  test('windows have a spec of their own, encoders none, cross attention another layer', () => {
    const spec = (args: object) => new Attention({ ...ARGS, ...args }).getKvCacheSpec(vllmConfig());
    expect(spec({ slidingWindow: 4 })).toBeInstanceOf(SlidingWindowSpec);
    expect(spec({ slidingWindow: 4 })).toMatchObject({ slidingWindow: 4 });
    expect(spec({ attnType: 'encoder' })).toBeNull();
    expect(spec({ attnType: 'encoder_only' })).toBeNull();
    expect(() => spec({ attnType: 'encoder_decoder' })).toThrow(/CrossAttention/);
  });
});

describe('forward', () => {
  const flat = (x: tf.Tensor) => tf.reshape(x, [x.shape[0], -1]);

  test('the result is [T, hidden], whatever form q has', () => {
    const layer = new Attention(ARGS);
    const apart = tokens(4);
    const expected = flat(byDefinition(...apart, causal));
    const [query, key, value] = apart;
    expectSame(layer.forward(query, key, value), expected);
    expectSame(layer.forward(flat(query), flat(key), flat(value)), expected);
    expectSame(layer.forward(query, key, value, [4, 20]), expected);
    expectSame(layer.forward(query, key, value, [4, 4, 5]), tf.reshape(expected, [16, 5]));
    expect(() => layer.forward(query, key, value, [4, 12])).toThrow(/80 numbers/);
  });

  test('null keys only read', () => {
    const { config, layer } = bound();
    const all = tokens(4);
    const [query, key, value] = rows(all, 0, 3);
    setForwardContext(build(layer, step(0, 3, [2, 1])), config, {}, () =>
      layer.forward(query, key, value),
    );
    const again = setForwardContext(build(layer, step(0, 3, [2, 1])), config, {}, () =>
      layer.forward(query, null, null),
    );
    expectSame(again, flat(byDefinition(query, key, value, causal)));
    expect(() => layer.forward(query, null, null)).toThrow(/no cache to read/);
  });
});

describe('contexts', () => {
  test('a bound cache serves; built metadata serve', () => {
    const { config, layer, cache } = bound();
    expect(layer.kvCache).toEqual([cache]);
    const all = tokens(4);
    const parts = [[0, 3], [3, 4]].map(([from, to]) =>
      setForwardContext(build(layer, step(from, to, [2, 1])), config, {}, () =>
        layer.apply(rows(all, from, to)),
      ),
    ) as tf.Tensor[]; // prettier-ignore
    expectSame(tf.concat(parts), byDefinition(...all, causal));
  });

  test('a profiling run gives zeros and writes nothing', () => {
    const { config, layer, cache } = bound();
    const out = setForwardContext(null, config, {}, () => layer.apply(tokens(3))) as tf.Tensor;
    expect(out.shape).toEqual([3, 4, 5]);
    expect(tf.sum(tf.abs(out)).dataSync()[0]).toBe(0);
    expect(cache.toTensors().key.dataSync().some((x) => x !== 0)).toBe(false); // prettier-ignore
  });

  test('encoders attend to their own requests, without a cache', () => {
    const layer = new Attention({ ...ARGS, name: 'enc', attnType: 'encoder_only' });
    const all = tokens(5);
    const Builder = layer.getAttnBackend().getBuilderCls();
    const common = new CommonAttentionMetadata({
      queryStartLoc: Int32Array.of(0, 2, 5),
      seqLens: Int32Array.of(2, 3),
      blockTable: Int32Array.of(0, 0),
      slotMapping: new Int32Array(5).fill(-1),
    });
    const spec = new FullAttentionSpec({ ...ARGS, blockSize: 2 });
    const attnMetadata = new Builder(spec, ['enc'], vllmConfig()).build(0, common);
    const out = withForwardContext({ attnMetadata }, () => layer.apply(all));
    const sameRequest = (i: number, j: number) => i < 2 === j < 2;
    expectSame(out, byDefinition(...all, sameRequest));
  });

  test('a step leaks no tensor, dense or cached', () => {
    const { config, layer } = bound();
    const all = tokens(3);
    const metadata = build(layer, step(0, 3, [2, 1]));
    const context = createForwardContext(metadata, config);
    const before = tf.memory().numTensors;
    tf.dispose(layer.apply(all) as tf.Tensor);
    tf.dispose(layer.apply(all, { forwardContext: context }) as tf.Tensor);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('ops by name', () => {
  test('unifiedAttention looks the layer up', () => {
    const { config, layer } = bound();
    const all = tokens(3);
    const metadata = build(layer, step(0, 3, [2, 1]));
    const expected = byDefinition(...all, causal);
    const run = <T>(fn: () => T) =>
      setForwardContext({ 'layers.0.attn': metadata }, config, {}, fn);
    expectSame(run(() => unifiedAttention(...all, 'layers.0.attn')), expected); // prettier-ignore
    const output = tf.variable(tf.zeros([3, 4, 5]));
    const before = tf.memory().numTensors;
    run(() => unifiedAttentionWithOutput(...all, output, 'layers.0.attn'));
    expectSame(output, expected);
    expect(tf.memory().numTensors).toBe(before);
    output.dispose();
    const found = run(() => getAttentionContext('layers.0.attn'));
    expect(found.layer).toBe(layer);
    expect(found.kvCache).toBe(layer.kvCache[0]);
    expect(Array.from(found.slotMapping ?? [])).toEqual([4, 5, 2]);
  });

  test('a name that is none, or no context, is named', () => {
    const { config } = bound();
    const all = tokens(3);
    const outside = () => unifiedAttention(...all, 'layers.0.attn');
    expect(outside).toThrow(MissingMetadataError);
    expect(outside).toThrow(/no forward context/);
    const wrong = () => setForwardContext(null, config, {}, () => unifiedAttention(...all, 'x'));
    expect(wrong).toThrow(/'x'.*they have layers\.0\.attn/);
  });
});
