import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {
  copyBlocks,
  HostKvBlocks,
  KV_CACHE_DTYPES,
  planAttention,
  reshapeAndCache,
  swapBlocks,
} from '@tfjs-attention/core';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { bytesOf, expectReferenceBytes, hardTensor, makeCache, plan } from './cache_bytes.js';
import { setWasmModule } from './index.js';

beforeAll(() => {
  tf.env().set('IS_TEST', true);
});

describe.each([
  ['cpu', 'typescript'],
  ['cpu', 'simd'],
  ['cpu', 'relaxed'],
  ['wasm', 'simd'],
  ['wasm', 'relaxed'],
] as const)('%s, %s', (backend, module) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
    setWasmModule(module);
  });

  test.each(KV_CACHE_DTYPES)('%s: bytes are those of the reference encoder', expectReferenceBytes);

  test('blocks move byte for byte inside the cache and to host memory and back', async () => {
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

  test('a write that fails its checks leaves every byte', () => {
    const cache = makeCache('fp8_e4m3');
    reshapeAndCache(hardTensor(20), hardTensor(7), cache, plan);
    const before = bytesOf(cache);
    const tensors = tf.memory().numTensors;
    const k = hardTensor(20);
    expect(() => reshapeAndCache(k, k, cache, plan)).toThrow(/v must be/);
    const outside = planAttention({
      queryStartLoc: Int32Array.of(0, 5),
      seqLens: Int32Array.of(5),
      blockTables: [[2, 1]],
      slotMapping: Int32Array.of(0, 1, 2, 3, 12),
    });
    const v = hardTensor(7);
    expect(() => reshapeAndCache(k, v, cache, outside)).toThrow(/outside/);
    tf.dispose([k, v]);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(bytesOf(cache)).toEqual(before);
    cache.dispose();
  });
});
