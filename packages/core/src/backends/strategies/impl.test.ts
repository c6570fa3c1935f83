import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { KvCache } from '../../kv_cache/kv_cache.js';
import { FullAttentionSpec } from '../../kv_cache/spec.js';
import { pagedAttention } from '../../ops/paged_attention.js';
import { planAttention } from '../../utils/plan_attention.js';
import type { AttentionImplArgs, AttentionLayer } from '../impl.js';
import { causalMaskMod } from '../mask_mods.js';
import type { AttentionBackendEnum } from '../names.js';
import { backendToClass } from '../registry.js';
import { FlashInferMetadata } from './flashinfer_metadata.js';

beforeAll(async () => {
  await tf.setBackend('cpu');
  tf.env().set('IS_TEST', true);
});

const layer: AttentionLayer = {
  qScale: 1,
  kScale: 1,
  vScale: 1,
  probScale: 1,
  forward: () => tf.scalar(0),
};

function make(name: AttentionBackendEnum, ...rest: unknown[]) {
  const args = [2, 64, 0.125, 1, ...rest] as unknown[] as AttentionImplArgs;
  return new (backendToClass(name).getImplCls())(...args);
}

const spec = new FullAttentionSpec({ blockSize: 16, numKvHeads: 1, headSize: 64 });
const plan = () =>
  planAttention({
    queryStartLoc: Int32Array.of(0, 3),
    seqLens: Int32Array.of(3),
    blockTables: [[1]],
    slotMapping: Int32Array.of(16, 17, 18),
  });
const draw = (tokens: number, heads: number) => tf.randomNormal<tf.Rank.R3>([tokens, heads, 64]);

describe('constructor arguments are judged by the strategy', () => {
  test.each([
    ['FLASHINFER', [[1, 1]], /^FLASHINFER: ALiBi not supported/],
    ['FLASH_ATTN', [null, null, 'fp8'], /^FLASH_ATTN: kv_cache_dtype/],
    ['FLEX_ATTENTION', [null, null, 'auto', 5], /logits soft cap not supported/],
    ['TRITON_ATTN', [null, null, 'auto', 0, 'encoder'], /attention type encoder/],
    ['TORCH_SDPA', [null, null, 'auto', 0, 'decoder', 'other'], /KV sharing not supported/],
    ['FLASH_ATTN', [null, null, 'auto', 0, 'decoder', null, { sinks: [0, 0] }], /attention sinks/],
    ['FUSED', [null, null, 'auto', 0, 'decoder', null, { maskMod: causalMaskMod }], /mask functions not supported/], // prettier-ignore
    ['FLEX_ATTENTION', [null, null, 'auto', 0, 'decoder', null, { scoreMod: () => 0 }], /score functions.*later/], // prettier-ignore
    ['FUSED', [null, null, 'auto', 0, 'decoder', null, { chunkLookBack: 1 }], /argument chunkLookBack not/], // prettier-ignore
    ['FUSED', [[1, 1, 1]], /alibiSlopes must have 2 entries \[N\], got 3/],
    ['FUSED', [null, 0], /slidingWindow/],
    ['FUSED', [null, null, 'auto', -1], /logitsSoftCap must be positive/],
  ] as const)('%s, %j', (name, rest, message) => {
    expect(() => make(name, ...rest)).toThrow(message);
  });

  test('are kept under vLLM’s names', () => {
    const impl = make('FUSED', [0.5, 0.25], 9, 'int8', 30, 'encoder_only');
    expect(impl).toMatchObject({
      numHeads: 2,
      headSize: 64,
      scale: 0.125,
      numKvHeads: 1,
      slidingWindow: [8, 8],
      kvCacheDtype: 'int8',
      logitsSoftCap: 30,
      attnType: 'encoder_only',
      dcpWorldSize: 1,
      canReturnLseForDecode: true,
    });
    expect(make('FUSED', null, 9).slidingWindow).toEqual([8, 0]);
    expect(impl.fusedOutputQuantSupported('fp8')).toBe(false);
    expect(impl.supportsQuantQueryInput()).toBe(false);
  });
});

describe('forward', () => {
  test('without metadata gives zeros and writes nothing', () => {
    const out = make('TORCH_SDPA').forward(layer, draw(3, 2), draw(3, 1), draw(3, 1), null, null);
    expect(out.shape).toEqual([3, 2, 64]);
    expect(tf.max(tf.abs(out)).dataSync()[0]).toBe(0);
  });

  test('padding of a batch comes back as zeros', () => {
    const cache = new KvCache(spec, { numBlocks: 2 });
    const impl = make('TRITON_ATTN');
    const [q, k, v] = [draw(5, 2), draw(5, 1), draw(5, 1)];
    const before = tf.memory().numTensors;
    const out = impl.forward(layer, q, k, v, cache, plan());
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(out.shape).toEqual([5, 2, 64]);
    const head = pagedAttention(tf.slice(q, [0], [3]), cache, plan(), { softmaxScale: 0.125 });
    expect(Array.from(tf.slice(out, [0], [3]).dataSync())).toEqual(Array.from(head.dataSync()));
    expect(tf.max(tf.abs(tf.slice(out, [3], [2]))).dataSync()[0]).toBe(0);
    cache.dispose();
  });

  test.each([
    ['key and value null', null],
    ['a layer whose cache is read', 'model.layers.0'],
  ])('%s: nothing is written', (_, target) => {
    const cache = new KvCache(spec, { numBlocks: 2 });
    const impl = make('FLASH_ATTN', null, null, 'auto', 0, 'decoder', target);
    const [q, kv] = [draw(3, 2), target === null ? null : draw(3, 1)];
    impl.forward(layer, q, kv, kv, cache, plan());
    const { key } = cache.toTensors();
    expect(tf.max(tf.abs(key)).dataSync()[0]).toBe(0);
    cache.dispose();
  });

  test('a refused step leaves the cache as it was', () => {
    const cache = new KvCache(spec, { numBlocks: 2 });
    const planned = { windowLeft: -1, logitsSoftCap: null, smScale: 0.5 };
    const metadata = new FlashInferMetadata({
      queryStartLoc: Int32Array.of(0, 3),
      seqLens: Int32Array.of(3),
      blockTables: [[1]],
      slotMapping: Int32Array.of(16, 17, 18),
      blockSize: 16,
      planned,
    });
    const [q, k] = [draw(3, 2), draw(3, 1)];
    const step = () => make('FLASHINFER').forward(layer, q, k, k, cache, metadata);
    expect(step).toThrow(/smScale 0.125, the step was planned with 0.5/);
    expect(tf.max(tf.abs(cache.toTensors().key)).dataSync()[0]).toBe(0);
    cache.dispose();
  });

  test('keys without a place to go are refused', () => {
    const cache = new KvCache(spec, { numBlocks: 2 });
    const { queryStartLoc, seqLens } = plan();
    const slotless = planAttention({ queryStartLoc, seqLens, blockTables: [[1]] });
    const [q, k] = [draw(3, 2), draw(3, 1)];
    expect(() => make('FUSED').forward(layer, q, k, k, cache, slotless)).toThrow(/no slotMapping/);
    cache.dispose();
  });

  test('TRITON_ATTN leaves a measured query scale unread: queries stay float32', () => {
    const cache = new KvCache(spec, { numBlocks: 2, dtype: 'fp8_e4m3' });
    const [q, k] = [draw(3, 2), draw(3, 1)];
    const impl = make('TRITON_ATTN', null, null, 'fp8');
    const step = (qScale: number) =>
      impl.forward({ ...layer, qScale }, q, k, k, cache, plan()).dataSync();
    expect(step(2)).toEqual(step(1));
    cache.dispose();
  });

  const q = tf.tidy(() => tf.zeros<tf.Rank.R3>([3, 2, 64]));
  test.each([
    ['no cache', () => make('FUSED').forward(layer, q, null, null, null, plan()), /KvCache, got null/], // prettier-ignore
    ['an encoder without keys', () => make('FLASH_ATTN', null, null, 'auto', 0, 'encoder').forward(layer, q, null, null, null, plan()), /needs key and value/], // prettier-ignore
    ['a buffer', () => make('FUSED').forward(layer, q, null, null, null, plan(), q as never), /immutable/], // prettier-ignore
    ['a key alone', () => make('FUSED').forward(layer, q, draw(3, 1), null, null, plan()), /come together/], // prettier-ignore
    ['other heads', () => make('FUSED').forward(layer, draw(3, 3), null, null, null, plan()), /2 heads of 64/], // prettier-ignore
    ['too few tokens', () => make('FUSED').forward(layer, draw(2, 2), null, null, null, plan()), /2 tokens, the metadata have 3/], // prettier-ignore
    ['raw metadata', () => make('FUSED').forward(layer, q, null, null, null, {}), /planAttention/], // prettier-ignore
  ])('%s is refused', (_, call, message) => {
    expect(call).toThrow(message);
  });
});
