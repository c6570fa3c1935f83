import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {
  CapacityError,
  flashAttention,
  FullAttentionSpec,
  KvCache,
  pagedAttention,
  planAttention,
  reshapeAndCache,
} from '@tfjs-attention/core';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { memory } from './index.js';

const MIB = 2 ** 20;

beforeAll(() => {
  tf.env().set('IS_TEST', false);
});

const spec = new FullAttentionSpec({ blockSize: 16, numKvHeads: 2, headSize: 64 });

/** One decode step: new key and value in, attention out. */
function decodeStep(cache: KvCache, position: number): void {
  tf.tidy(() => {
    const k = tf.fill([1, 2, 64], position / 100);
    const v = tf.fill([1, 2, 64], 1);
    const plan = planAttention({
      queryStartLoc: Int32Array.of(0, 1),
      seqLens: Int32Array.of(position + 1),
      blockTables: [[3, 0, 2, 1]],
      slotMapping: Int32Array.of([3, 0, 2, 1][position >> 4] * 16 + (position & 15)),
    });
    reshapeAndCache(k, v, cache, plan);
    pagedAttention(k, cache, plan);
    plan.dispose();
  });
}

describe.each(['cpu', 'wasm'])('%s', (name) => {
  beforeAll(async () => {
    await tf.setBackend(name);
  });

  test('10,000 decode steps leave tf.memory() and the WASM heap as they were', () => {
    const cache = new KvCache(spec, { numBlocks: 4, dtype: 'int8_per_token_head' });
    for (let position = 0; position < 64; position++) decodeStep(cache, position);
    const [tensors, heap] = [tf.memory(), memory()];
    for (let step = 0; step < 10000; step++) decodeStep(cache, step % 64);
    expect(tf.memory().numTensors).toBe(tensors.numTensors);
    expect(tf.memory().numBytes).toBe(tensors.numBytes);
    expect(memory()).toEqual(heap);
    cache.dispose();
  });

  test('large plans are uploaded once and freed with the plan', () => {
    const cache = new KvCache(spec, { numBlocks: 2 });
    const q = tf.ones<tf.Rank.R3>([1, 2, 64]);
    pagedAttention(
      q,
      cache,
      planAttention({
        queryStartLoc: Int32Array.of(0, 1),
        seqLens: Int32Array.of(8),
        blockTables: [[1]],
      }),
    ).dispose();
    const before = memory().active.bytesInUse;
    const plan = planAttention({
      queryStartLoc: Int32Array.of(0, 1),
      seqLens: Int32Array.of(8),
      blockTables: new Int32Array(5000).fill(1),
    });
    pagedAttention(q, cache, plan).dispose();
    const uploaded = memory().active.bytesInUse;
    expect(uploaded - before).toBeGreaterThanOrEqual(20000);
    pagedAttention(q, cache, plan).dispose();
    expect(memory().active.bytesInUse).toBe(uploaded);
    plan.dispose();
    expect(memory().active.bytesInUse).toBe(before);
    cache.dispose();
    q.dispose();
  });

  test('a cache that no memory holds throws, and nothing was taken', () => {
    const before = memory().active.bytesInUse;
    const tensors = tf.memory().numTensors;
    expect(() => new KvCache(spec, { numBlocks: 2 ** 20 })).toThrow(CapacityError);
    expect(memory().active.bytesInUse).toBe(before);
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

test('65,536 positions grow the WASM memory by at most 64 MiB beyond the operands', async () => {
  await tf.setBackend('wasm');
  const x = tf.ones<tf.Rank.R4>([1, 65536, 1, 64]);
  flashAttention(tf.ones([1, 1, 1, 64]), x, x).dispose();
  const before = memory().active.bytesCommitted;
  const out = flashAttention(x, x, x, { slidingWindow: 8 });
  const grown = memory().active.bytesCommitted - before;
  // The output is an operand: 16 MiB.
  expect(grown).toBeLessThanOrEqual(64 * MIB + 16 * MIB);
  expect(out.dataSync().every((value) => Math.abs(value - 1) < 1e-6)).toBe(true);
  tf.dispose([x, out]);
});
