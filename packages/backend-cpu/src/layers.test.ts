// Every layer over the fused kernels, dense and in steps over a cache; core's own tests run them over stock ops.
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {
  Attention,
  ChunkedLocalAttention,
  CrossAttention,
  EncoderOnlyAttention,
  KvCache,
  MMEncoderAttention,
  planAttention,
  PrefillPrefixLMAttention,
  ready,
  RSWAAttention,
  StaticSinkAttention,
  withForwardContext,
} from '@tfjs-attention/core';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  ARGS,
  build,
  byDefinition,
  expectSame,
  inSteps,
  random,
  step,
  tokens,
  vllmConfig,
} from '../../core/src/layers/fixtures.js';
import { memory } from './index.js';

type Sees = (query: number, key: number) => boolean;

/** A name that is met by kernels or throws. */
const args = { ...ARGS, attnBackend: 'FUSED' as const };
const cacheConfig = { blockSize: 2, cacheDtype: 'auto' as const };
const causal: Sees = (i, j) => j <= i;
const NEAR = 1e-5;

const decoders: [string, () => Attention, Sees, Parameters<typeof inSteps>[3]][] = [
  ['Attention', () => new Attention(args), causal, {}],
  [
    'Attention with a window',
    () => new Attention({ ...args, slidingWindow: 4 }),
    (i, j) => j <= i && i - j < 4,
    {},
  ],
  [
    'ChunkedLocalAttention',
    () => new ChunkedLocalAttention({ ...args, cacheConfig, attentionChunkSize: 4 }),
    (i, j) => j <= i && i >> 2 === j >> 2,
    {},
  ],
  [
    'RSWAAttention',
    () => new RSWAAttention({ ...args, rswaWindow: 2, rswaPrefixLen: 3 }),
    (i, j) => j <= i && (j < 3 || i - j < 2),
    { rswaPrefixLens: Int32Array.of(3) },
  ],
];

describe.each(['cpu', 'wasm'])('%s', (backend) => {
  beforeAll(async () => {
    tf.env().set('IS_TEST', true);
    await tf.setBackend(backend);
    await ready();
  });
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  test.each(decoders)('%s', (_name, make, sees, changes) => {
    const layer = make();
    const all = tokens(11);
    const expected = byDefinition(...all, sees);
    const batched = layer.apply(all.map((x) => tf.expandDims(x, 0))) as tf.Tensor;
    expectSame(tf.squeeze(batched, [0]), expected, NEAR);
    for (const ends of [[11], [3, 4, 9, 10, 11]]) {
      expectSame(inSteps(layer, all, ends, changes), expected, NEAR);
    }
  });

  test('PrefillPrefixLMAttention', () => {
    const all = tokens(8);
    const out = inSteps(new PrefillPrefixLMAttention(args), all, [5, 6, 7, 8]);
    expectSame(
      out,
      byDefinition(...all, (i, j) => j <= Math.max(i, 4)),
      NEAR,
    );
  });

  test('StaticSinkAttention', () => {
    const layer = new StaticSinkAttention({ ...args, sinkLen: 4 });
    const [q, k, v] = tokens(9);
    const dense = layer.apply([q, k, v]);
    const [key, value] = layer.getWeights();
    const [keys, values] = [tf.concat([key, k]), tf.concat([value, v])];
    const expected = byDefinition(q, keys, values, (i, j) => j <= i + 4);
    expectSame(dense, expected, NEAR);
    const cache = new KvCache(layer.getKvCacheSpec(vllmConfig()), { numBlocks: 9 });
    const attnMetadata = build(layer, step(0, 9, [7, 3, 5, 8, 4]));
    const context = { attnMetadata, kvCaches: { [layer.name]: cache } };
    expectSame(
      withForwardContext(context, () => layer.apply([q, k, v])),
      expected,
      NEAR,
    );
    cache.dispose();
  });

  test('CrossAttention over encoders of 3, 0 and 5 tokens', () => {
    const layer = new CrossAttention(args);
    const cache = new KvCache(layer.getKvCacheSpec(vllmConfig()), { numBlocks: 9 });
    const [q] = tokens(4);
    const [, k, v] = tokens(8, 9);
    const common = step(0, 4, [6, 2, 0, 0, 0, 0, 5, 1, 3], 2, {
      queryStartLoc: Int32Array.of(0, 2, 3, 4),
      seqLens: Int32Array.of(2, 1, 1),
      encoderSeqLens: Int32Array.of(3, 0, 5),
      slotMapping: new Int32Array(4).fill(-1),
    });
    const context = { attnMetadata: build(layer, common), kvCaches: { [layer.name]: cache } };
    const sees: Sees = (i, j) => (i < 2 ? j < 3 : i === 3 && j >= 3);
    const expected = byDefinition(q, k, v, sees);
    expectSame(
      withForwardContext(context, () => layer.apply([q, k, v])),
      expected,
      NEAR,
    );
    cache.dispose();
  });

  test('EncoderOnlyAttention and MMEncoderAttention, requests of 2 and 5 tokens', () => {
    const all = tokens(7);
    const sees: Sees = (i, j) => i < 2 === j < 2;
    const queryStartLoc = Int32Array.of(0, 2, 7);
    const seqLens = Int32Array.of(2, 5);
    const attnMetadata = planAttention({ queryStartLoc, seqLens, blockTables: [[1], [2]] });
    const encoder = new EncoderOnlyAttention(args);
    const out = withForwardContext({ attnMetadata }, () => encoder.apply(all));
    expectSame(out, byDefinition(...all, sees), NEAR);
    const { numHeads, numKvHeads, headSize } = ARGS;
    const vit = new MMEncoderAttention({ numHeads, numKvHeads, headSize, attnBackend: 'FUSED' });
    const packed = [all[0], all[1], random([7, numKvHeads, headSize], 7)] as const;
    const [q, k, v] = packed.map((x) => tf.expandDims(x, 0));
    expectSame(
      tf.squeeze(vit.forward(q, k, v, queryStartLoc), [0]),
      byDefinition(...packed, sees),
      NEAR,
    );
  });

  test('steps leave nothing behind', () => {
    const layer = new Attention(args);
    inSteps(layer, tokens(6), [6]).dispose();
    const held = () => [tf.memory().numTensors, memory().active.bytesInUse];
    const before = held();
    const out = tf.tidy(() => inSteps(layer, tokens(6), [2, 4, 6]));
    out.dispose();
    expect(held()).toEqual(before);
  });
});
