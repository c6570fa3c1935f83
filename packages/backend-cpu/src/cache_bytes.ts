// Caches with values that are hard to store, and the reference's bytes to compare with.
import * as tf from '@tensorflow/tfjs-core';
import {
  FullAttentionSpec,
  gatherCache,
  HostKvBlocks,
  KvCache,
  planAttention,
  reshapeAndCache,
  type KvBlockBytes,
  type KvCacheDtype,
} from '@tfjs-attention/core';
import { expect } from '@jest/globals';
import { randomSource } from './fixtures.js';

const spec = new FullAttentionSpec({
  blockSize: 3,
  numKvHeads: 2,
  headSize: 20,
  valueHeadSize: 7,
});
export const BLOCKS = [0, 1, 2, 3];

export function makeCache(dtype: KvCacheDtype): KvCache {
  const scales = dtype.endsWith('head')
    ? {}
    : { kScale: 0.013, vScale: Float32Array.of(0.7, 1 / 3) };
  return new KvCache(spec, { numBlocks: BLOCKS.length, dtype, ...scales });
}

export const plan = planAttention({
  queryStartLoc: Int32Array.of(0, 5),
  seqLens: Int32Array.of(5),
  blockTables: [[2, 1]],
  slotMapping: Int32Array.of(6, 7, -1, 3, 11),
});

/** Values that round, overflow and vanish in every type, with NaN and infinities. */
export function hardTensor(size: number): tf.Tensor {
  const random = randomSource(size);
  const values = Float32Array.from({ length: 10 * size }, () => random() * 6 - 3);
  values.set([NaN, Infinity, -Infinity, -0, 1e-45, 7e5, -7e5, 6.1e-5, 0.0195, 448.5], 0);
  values.set([1e-38, 3e38, 127.5, -128.5, 0.5, -0.5, 1.5], 40);
  return tf.tensor(values, [5, 2, size]);
}

export const bytesOf = (cache: KvCache) =>
  cache.storageFor('test').readBlocks(BLOCKS) as KvBlockBytes;

/** Infinity / infinity is a NaN whose sign IEEE 754 leaves open: x86 sets it, ARM does not. */
function withoutNanSigns({ key, value, ...scales }: KvBlockBytes, dtype: KvCacheDtype) {
  const isNan = dtype.startsWith('fp8') ? (code: number) => (code & 0x7f) === 0x7f : () => false;
  const plain = (codes: Uint8Array) => codes.map((code) => (isNan(code) ? 0x7f : code));
  return { key: plain(key), value: plain(value), ...scales };
}

/** Writes the values on the active backend and compares every byte. */
export function expectReferenceBytes(dtype: KvCacheDtype): void {
  const cache = makeCache(dtype);
  const reference = new HostKvBlocks(cache, BLOCKS.length);
  const k = hardTensor(20);
  const v = hardTensor(7);
  reshapeAndCache(k, v, cache, plan);
  reference.storage.write(k, v, plan.slotMapping as Int32Array);
  const wanted = reference.storage.readBlocks(BLOCKS);
  expect(withoutNanSigns(bytesOf(cache), dtype)).toEqual(withoutNanSigns(wanted, dtype));

  const { key, value } = gatherCache(cache, plan);
  const [wantedKey, wantedValue] = reference.storage.gather(Int32Array.of(6, 7, 8, 3, 4));
  expect([...key.dataSync()]).toEqual([...wantedKey.dataSync()].map(closeTo));
  expect([...value.dataSync()]).toEqual([...wantedValue.dataSync()].map(closeTo));
  cache.dispose();
}

/** A scale is one float32 in kernels and a double in the reference: the product may differ in its last bit. */
function closeTo(value: number): unknown {
  return Number.isFinite(value) ? expect.closeTo(value, Math.abs(value) > 1e4 ? -30 : 4) : value;
}
