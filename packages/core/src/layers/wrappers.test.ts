import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { setForwardContext, withForwardContext } from '../forward_context.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import type { AttentionKvCacheSpec } from '../kv_cache/spec.js';
import { CommonAttentionMetadata } from '../metadata/common_attention_metadata.js';
import { Attention } from './attention.js';
import { ChunkedLocalAttention } from './chunked_local_attention.js';
import { EncoderOnlyAttention } from './encoder_only_attention.js';
import {
  ARGS,
  build,
  byDefinition,
  expectSame,
  expectSurvives,
  inSteps,
  random,
  step,
  tokens,
  vllmConfig,
} from './fixtures.js';
import { PrefillPrefixLMAttention } from './prefill_prefix_lm_attention.js';
import { RSWAAttention } from './rswa_attention.js';

type Sees = (i: number, j: number) => boolean;

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend('cpu');
});
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

/** [1, T, ...] of tokens. */
const batch = (all: readonly tf.Tensor[]) => all.map((x) => tf.expandDims(x, 0));
const denseOf = (layer: Attention, all: readonly tf.Tensor[]) =>
  tf.squeeze(layer.apply(batch(all)) as tf.Tensor, [0]);

async function survives(layer: Attention): Promise<Attention> {
  const model = tfl.sequential();
  model.add(layer);
  const loaded = await expectSurvives(model, random([2, 6, 28], 9));
  const twin = loaded.layers[0] as Attention;
  expect(twin).toBeInstanceOf(layer.constructor);
  expect(twin.getConfig()).toEqual(layer.getConfig());
  return twin;
}

describe('ChunkedLocalAttention', () => {
  const args = { ...ARGS, attentionChunkSize: 4 };
  const cacheConfig = { blockSize: 2, cacheDtype: 'auto' as const };
  const sees: Sees = (i, j) => j <= i && Math.floor(i / 4) === Math.floor(j / 4);

  test('the spec decides the block size, whatever the layer was made with', () => {
    const layer = new ChunkedLocalAttention({ ...args, attentionChunkSize: 16 });
    const config = vllmConfig();
    const spec = layer.getKvCacheSpec(config);
    const cache = new KvCache(spec, { numBlocks: 12 });
    const all = tokens(20);
    const attnMetadata = build(layer, step(0, 20, [3, 5, 1, 7, 9, 11, 8, 2, 4, 6]), config);
    const context = { attnMetadata, kvCaches: { [layer.name]: cache } };
    const out = withForwardContext(context, () => layer.apply(all));
    expectSame(
      out,
      byDefinition(...all, (i, j) => j <= i && i >> 4 === j >> 4),
    );
  });

  test('chunks that look back are another layer', () => {
    const extraImplArgs = { chunkLookback: 1 };
    expect(() => new ChunkedLocalAttention({ ...args, extraImplArgs })).toThrow(/take Attention/);
  });

  test('dense, and in any steps over a cache', () => {
    const layer = new ChunkedLocalAttention({ ...args, cacheConfig });
    const all = tokens(11);
    const expected = byDefinition(...all, sees);
    expectSame(denseOf(layer, all), expected);
    expectSame(inSteps(layer, all, [11]), expected);
    expectSame(inSteps(layer, all, [3, 9, 10, 11]), expected);
    expectSame(inSteps(layer, all, [4, 8, 9, 11]), expected);
  });

  test('layers of a kind share a class, which is named for what it is', () => {
    const [a, b] = [1, 2].map(() => new ChunkedLocalAttention({ ...args, cacheConfig }));
    expect(a.getAttnBackend()).toBe(b.getAttnBackend());
    const underlying = Object.getPrototypeOf(a.getAttnBackend()) as { name: string };
    expect(a.getAttnBackend().name).toBe(`ChunkedLocalAttention_4_2_${underlying.name}`);
    expect(a.getAttnBackend().fullClsName()[1]).toBe(a.getAttnBackend().name);
    const other = new ChunkedLocalAttention({ ...args, cacheConfig, attentionChunkSize: 8 });
    expect(other.getAttnBackend()).not.toBe(a.getAttnBackend());
  });

  test('its spec, its config, its errors', async () => {
    const twin = await survives(new ChunkedLocalAttention({ ...args, inputShape: [null, 28] }));
    expect((twin as ChunkedLocalAttention).attentionChunkSize).toBe(4);
    expect(twin.getKvCacheSpec(vllmConfig())).toMatchObject({ attentionChunkSize: 4 });
    expect(() => new ChunkedLocalAttention({ ...args, attentionChunkSize: 0 })).toThrow(/got 0/);
    const odd = new ChunkedLocalAttention({ ...args, attentionChunkSize: 5, cacheConfig });
    expect(() => odd.getAttnBackend()).toThrow(/5 must be a multiple of the block size 2/);
  });
});

describe('EncoderOnlyAttention', () => {
  test('both ways within each request, no cache', () => {
    const layer = new EncoderOnlyAttention({ ...ARGS, name: 'enc' });
    const all = tokens(5);
    expectSame(
      denseOf(layer, all),
      byDefinition(...all, () => true),
    );
    expect(layer.getKvCacheSpec()).toBeNull();
    const common = new CommonAttentionMetadata({
      queryStartLoc: Int32Array.of(0, 2, 5),
      seqLens: Int32Array.of(2, 3),
      blockTable: Int32Array.of(0, 0),
      slotMapping: new Int32Array(5).fill(-1),
    });
    const Builder = layer.getAttnBackend().getBuilderCls();
    const attnMetadata = new Builder(null as never, ['enc'], vllmConfig()).build(0, common);
    const out = withForwardContext({ attnMetadata }, () => layer.apply(all));
    expectSame(
      out,
      byDefinition(...all, (i, j) => i < 2 === j < 2),
    );
  });

  test('its config, its errors', async () => {
    const twin = await survives(new EncoderOnlyAttention({ ...ARGS, inputShape: [null, 28] }));
    expect(twin.attnType).toBe('encoder_only');
    expect(() => new EncoderOnlyAttention({ ...ARGS, attnType: 'decoder' })).toThrow(/'decoder'/);
  });
});

describe('PrefillPrefixLMAttention', () => {
  test('a prompt sees itself both ways, steps of one token are causal', async () => {
    const layer = new PrefillPrefixLMAttention({ ...ARGS, inputShape: [null, 28] });
    const all = tokens(7);
    expectSame(
      denseOf(layer, all),
      byDefinition(...all, () => true),
    );
    const sees: Sees = (i, j) => (i < 5 ? j < 5 : j <= i);
    expectSame(inSteps(layer, all, [5, 6, 7]), byDefinition(...all, sees));
    expect(layer.getKvCacheSpec(vllmConfig())).toMatchObject({ nonCausal: true });
    await survives(layer);
    const wrong = () => new PrefillPrefixLMAttention({ ...ARGS, attnType: 'encoder' });
    expect(wrong).toThrow(/'encoder'/);
  });
});

describe('RSWAAttention', () => {
  const sees: Sees = (i, j) => j <= i && (j < 3 || i - j < 2);

  test('a window, and a prefix that escapes it', async () => {
    const layer = new RSWAAttention({ ...ARGS, rswaWindow: 2, rswaPrefixLen: 3, inputShape: [null, 28] }); // prettier-ignore
    const all = tokens(9);
    const expected = byDefinition(...all, sees);
    expectSame(denseOf(layer, all), expected);
    const rswaPrefixLens = Int32Array.of(3);
    expectSame(inSteps(layer, all, [6, 7, 9], { rswaPrefixLens }), expected);
    expect(layer.getKvCacheSpec(vllmConfig())).toMatchObject({ rswaWindow: 2 });
    const twin = (await survives(layer)) as RSWAAttention;
    expect([twin.rswaWindow, twin.rswaPrefixLen]).toEqual([2, 3]);
  });

  test('the prefix comes from the metadata, for each request', () => {
    const config = vllmConfig();
    const layer = new RSWAAttention({ ...ARGS, rswaWindow: 1, name: 'rswa' });
    const spec = layer.getKvCacheSpec(config);
    const cache = new KvCache(spec, { numBlocks: 5 });
    const all = tokens(8);
    const common = new CommonAttentionMetadata({
      queryStartLoc: Int32Array.of(0, 4, 8),
      seqLens: Int32Array.of(4, 4),
      blockTable: Int32Array.of(4, 2, 1, 3),
      slotMapping: Int32Array.of(8, 9, 4, 5, 2, 3, 6, 7),
      rswaPrefixLens: Int32Array.of(1, 2),
    });
    const metadata = build(layer, common, config);
    const out = setForwardContext(metadata, config, { kvCaches: { rswa: cache } }, () =>
      layer.apply(all),
    );
    const each: Sees = (i, j) => {
      const first = i < 4 ? 0 : 4;
      return j >= first && j <= i && (j - first < (i < 4 ? 1 : 2) || i === j);
    };
    expectSame(out, byDefinition(...all, each));
  });

  test('its errors', () => {
    expect(() => new RSWAAttention({ ...ARGS, rswaWindow: 0 })).toThrow(/rswaWindow .*got 0/);
    const two = { ...ARGS, rswaWindow: 4, slidingWindow: 2 };
    expect(() => new RSWAAttention(two)).toThrow(/excludes another window, 2/);
  });
});

test('ranges of a multimodal prompt pass through the metadata', () => {
  const layer = new Attention({ ...ARGS, attnBackend: 'TRITON_ATTN', headSize: 32 });
  const all = [random([8, 4, 32], 1), random([8, 2, 32], 2), random([8, 2, 5], 3)] as const;
  const mmPrefixRanges = [[[1, 3], [5, 6]]] as const; // prettier-ignore
  const inRange = (i: number, j: number) =>
    mmPrefixRanges[0].some(([first, last]) => [i, j].every((p) => p >= first && p <= last));
  const config = vllmConfig({ cacheConfig: { blockSize: 16, cacheDtype: 'auto' } });
  const spec = layer.getKvCacheSpec(config) as AttentionKvCacheSpec;
  const cache = new KvCache(spec, { numBlocks: 2 });
  const metadata = build(layer, step(0, 8, [1], 16, { mmPrefixRanges }), config);
  const context = { attnMetadata: metadata, kvCaches: { [layer.name]: cache } };
  const out = withForwardContext(context, () => layer.apply([...all]));
  expectSame(
    out,
    byDefinition(...all, (i, j) => j <= i || inRange(i, j)),
  );
});
