// Layers over the fused ops, dense and in steps over a cache; core's own tests run all of them over stock ops.
import * as tf from '@tensorflow/tfjs-core';
import {
  Attention,
  ChunkedLocalAttention,
  PrefillPrefixLMAttention,
  RSWAAttention,
} from '@tfjs-attention/core';
import { afterEach, beforeAll, beforeEach, test } from '@jest/globals';
import { ARGS, byDefinition, expectSame, inSteps, tokens } from '../../core/src/layers/fixtures.js';
import './index.js';
import { describeTensorFlow } from './tensorflow_test.js';

/** A name that is met by kernels or throws. */
const args = { ...ARGS, attnBackend: 'FUSED' as const };
const cacheConfig = { blockSize: 2, cacheDtype: 'auto' as const };
const NEAR = 1e-5;

const decoders: [string, () => Attention, (i: number, j: number) => boolean, object][] = [
  ['Attention', () => new Attention(args), (i, j) => j <= i, {}],
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

describeTensorFlow('layers', () => {
  beforeAll(async () => {
    tf.env().set('IS_TEST', true);
    await tf.setBackend('tensorflow');
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
});
