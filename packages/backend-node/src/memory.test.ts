import * as tf from '@tensorflow/tfjs-core';
import {
  CapacityError,
  FullAttentionSpec,
  KvCache,
  pagedAttention,
  planAttention,
  reshapeAndCache,
} from '@tfjs-attention/core';
import { beforeAll, expect, test } from '@jest/globals';
import './index.js';
import { asTensorFlow } from './tensorflow/backend.js';
import { describeTensorFlow } from './tensorflow_test.js';

const MIB = 2 ** 20;
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

/** Tensors that TensorFlow holds for this process, those that tfjs does not see among them. */
const tensorsInTensorFlow = () => {
  const binding = asTensorFlow(tf.backend()).binding as unknown as { getNumOfTensors(): number };
  return binding.getNumOfTensors();
};

describeTensorFlow('memory', () => {
  beforeAll(async () => {
    tf.env().set('IS_TEST', false);
    await tf.setBackend('tensorflow');
  });

  test('10,000 decode steps leave tf.memory(), TensorFlow and the process as they were', () => {
    const cache = new KvCache(spec, { numBlocks: 4, dtype: 'int8_per_token_head' });
    for (let position = 0; position < 2000; position++) decodeStep(cache, position % 64);
    const [tensors, held, resident] = [
      tf.memory(),
      tensorsInTensorFlow(),
      process.memoryUsage.rss(),
    ];
    for (let step = 0; step < 10000; step++) decodeStep(cache, step % 64);
    expect(tf.memory().numTensors).toBe(tensors.numTensors);
    expect(tf.memory().numBytes).toBe(tensors.numBytes);
    expect(tensorsInTensorFlow()).toBe(held);
    // A tensor of 64 bytes a step would be as much; V8's own heap breathes by less.
    expect(process.memoryUsage.rss() - resident).toBeLessThan(48 * MIB);
    cache.dispose();
  });

  test('tf.memory() counts a cache, tf.tidy leaves it, dispose() frees it', () => {
    const before = tf.memory();
    let made: KvCache | undefined;
    tf.tidy(() => {
      tf.zeros([5]);
      made = new KvCache(spec, { numBlocks: 64 });
    });
    const cache = made as unknown as KvCache;
    const { bytes } = cache.memory();
    expect(bytes).toBe(64 * 16 * 2 * (64 + 64) * 4);
    expect(tf.memory().numTensors).toBe(before.numTensors + 1);
    const counted = tf.memory().numBytes - before.numBytes;
    expect(counted).toBeGreaterThanOrEqual(bytes);
    expect(counted).toBeLessThanOrEqual(bytes + 1024);
    decodeStep(cache, 3);
    cache.dispose();
    expect(tf.memory()).toMatchObject({
      numTensors: before.numTensors,
      numBytes: before.numBytes,
    });
  });

  test('a plan is uploaded once for all layers, and freed with the plan', () => {
    const caches = [0, 1, 2].map(() => new KvCache(spec, { numBlocks: 2 }));
    const q = tf.ones<tf.Rank.R3>([1, 2, 64]);
    const plan = () =>
      planAttention({
        queryStartLoc: Int32Array.of(0, 1),
        seqLens: Int32Array.of(8),
        blockTables: new Int32Array(5000).fill(1),
      });
    const first = plan();
    caches.forEach((cache) => pagedAttention(q, cache, first).dispose());
    first.dispose();
    const before = tensorsInTensorFlow();
    const second = plan();
    caches.forEach((cache) => pagedAttention(q, cache, second).dispose());
    expect(tensorsInTensorFlow()).toBe(before + 1);
    second.dispose();
    expect(tensorsInTensorFlow()).toBe(before);
    tf.dispose([q]);
    caches.forEach((cache) => cache.dispose());
  });

  test('a cache that no memory holds throws, and nothing was taken', () => {
    const before = [tf.memory().numTensors, tensorsInTensorFlow()];
    expect(() => new KvCache(spec, { numBlocks: 2 ** 26 })).toThrow(CapacityError);
    expect([tf.memory().numTensors, tensorsInTensorFlow()]).toEqual(before);
  });
});
