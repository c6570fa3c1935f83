import * as tf from '@tensorflow/tfjs-core';
import {
  copyBlocks,
  FullAttentionSpec,
  HostKvBlocks,
  KV_CACHE_DTYPES,
  KvCache,
  planAttention,
  reshapeAndCache,
  swapBlocks,
  type KvBlockBytes,
  type KvCacheDtype,
} from '@tfjs-attention/core';
import { beforeAll, expect, test } from '@jest/globals';
import { randomSource } from '../../backend-cpu/src/fixtures.js';
import './index.js';
import { describeTensorFlow } from './tensorflow_test.js';

const spec = new FullAttentionSpec({
  blockSize: 3,
  numKvHeads: 2,
  headSize: 20,
  valueHeadSize: 7,
});
const BLOCKS = [0, 1, 2, 3];

function makeCache(dtype: KvCacheDtype): KvCache {
  const scales = dtype.endsWith('head')
    ? {}
    : { kScale: 0.013, vScale: Float32Array.of(0.7, 1 / 3) };
  return new KvCache(spec, { numBlocks: BLOCKS.length, dtype, ...scales });
}

const plan = planAttention({
  queryStartLoc: Int32Array.of(0, 5),
  seqLens: Int32Array.of(5),
  blockTables: [[2, 1]],
  slotMapping: Int32Array.of(6, 7, -1, 3, 11),
});

/** Values that round, overflow and vanish in every type, with NaN, infinities and subnormal numbers. */
function hardTensor(size: number): tf.Tensor {
  const random = randomSource(size);
  const values = Float32Array.from({ length: 10 * size }, () => random() * 6 - 3);
  values.set([NaN, Infinity, -Infinity, -0, 1e-45, 7e5, -7e5, 6.1e-5, 0.0195, 448.5], 0);
  values.set([1e-38, 3e38, 127.5, -128.5, 0.5, -0.5, 1.5], 40);
  return tf.tensor(values, [5, 2, size]);
}

const bytesOf = (cache: KvCache) => cache.storageFor('test').readBlocks(BLOCKS) as KvBlockBytes;

describeTensorFlow('cache bytes', () => {
  beforeAll(async () => {
    tf.env().set('IS_TEST', true);
    await tf.setBackend('tensorflow');
  });

  test.each(KV_CACHE_DTYPES)('%s: those of the reference encoder', (dtype) => {
    const cache = makeCache(dtype);
    const reference = new HostKvBlocks(cache, BLOCKS.length);
    const k = hardTensor(20);
    const v = hardTensor(7);
    reshapeAndCache(k, v, cache, plan);
    reference.storage.write(k, v, plan.slotMapping as Int32Array);
    expect(bytesOf(cache)).toEqual(reference.storage.readBlocks(BLOCKS));
    cache.dispose();
  });

  test('blocks move byte for byte inside the cache, to host memory and back', async () => {
    const cache = makeCache('int8_per_token_head');
    reshapeAndCache(hardTensor(20), hardTensor(7), cache, plan);
    const before = bytesOf(cache);
    copyBlocks(cache, [[2, 0]]);
    const parked = new HostKvBlocks(cache, 1);
    await swapBlocks(cache, parked, [[0, 0]]);
    await swapBlocks(parked, cache, [[0, 3]]);
    const after = bytesOf(cache);
    const block = (bytes: Uint8Array, i: number) =>
      [...bytes].slice((i * bytes.length) / 4, ((i + 1) * bytes.length) / 4);
    for (const half of ['key', 'value'] as const) {
      expect(block(after[half], 3)).toEqual(block(before[half], 2));
      expect(block(after[half], 1)).toEqual(block(before[half], 1));
    }
    expect(after.keyScales?.slice(18)).toEqual(before.keyScales?.slice(12, 18));
    cache.dispose();
  });
});
