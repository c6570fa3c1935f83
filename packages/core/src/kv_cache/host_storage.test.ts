import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from '@jest/globals';
import { HostKvStorage } from './host_storage.js';
import type { KvCacheLayout } from './layout.js';

const layout: KvCacheLayout = {
  numBlocks: 2,
  blockSize: 2,
  numKvHeads: 2,
  headSize: 2,
  valueHeadSize: 1,
  dtype: 'float32',
  kScale: 1,
  vScale: 1,
};

function filled(changes: Partial<KvCacheLayout>, slots: number[]): HostKvStorage {
  const storage = new HostKvStorage({ ...layout, ...changes });
  const k = tf.tensor3d([1, 2, 3, 4, -5, 6, 7, -8], [2, 2, 2]);
  const v = tf.tensor3d([10, 20, 30, 40], [2, 2, 1]);
  storage.write(k, v, Int32Array.from(slots));
  return storage;
}

const gathered = (storage: HostKvStorage, ...slots: number[]) =>
  storage.gather(Int32Array.from(slots)).map((x) => Array.from(x.dataSync()));

test('a token lies in its slot, one with slot -1 nowhere', () => {
  const storage = filled({}, [3, -1]);
  expect(gathered(storage, 3)).toEqual([[1, 2, 3, 4], [10, 20]]);
  expect(gathered(storage, 0, 1, 2).flat().every((x) => x === 0)).toBe(true);
}); // prettier-ignore

test('a slot of -1 is gathered as zeros', () => {
  expect(gathered(filled({}, [0, 1]), -1, 1)).toEqual([[0, 0, 0, 0, -5, 6, 7, -8], [0, 0, 30, 40]]);
}); // prettier-ignore

test('scales per KV head multiply what is read', () => {
  const kScale = Float32Array.of(0.5, 0.25);
  const storage = filled({ dtype: 'int8', kScale, vScale: 10 }, [0, 1]);
  const { key, value } = storage.readBlocks([0]);
  expect(Array.from(new Int8Array(key.buffer))).toEqual([2, 4, 12, 16, -10, 12, 28, -32]);
  expect(Array.from(value)).toEqual([1, 2, 3, 4]);
  expect(gathered(storage, 0, 1)).toEqual([[1, 2, 3, 4, -5, 6, 7, -8], [10, 20, 30, 40]]);
}); // prettier-ignore

test('a scale per token and head is max|x| / 127, at least 1e-6', () => {
  const storage = filled({ dtype: 'int8_per_token_head' }, [0, 1]);
  const { keyScales } = storage.readBlocks([0, 1]);
  const expected = [2, 4, 6, 8].map((most) => Math.fround(most / 127));
  expect(Array.from(keyScales ?? [])).toEqual([...expected, 0, 0, 0, 0]);
  storage.write(tf.zeros([1, 2, 2]), tf.zeros([1, 2, 1]), Int32Array.of(0));
  expect(storage.readBlocks([0]).keyScales?.[0]).toBe(Math.fround(1e-6));
});

test('blocks move as bytes, in the order asked for', () => {
  const storage = filled({}, [0, 2]);
  const bytes = storage.readBlocks([1, 0]);
  storage.writeBlocks([0, 1], bytes);
  expect(gathered(storage, 0, 2)[1]).toEqual([30, 40, 10, 20]);
  storage.copyBlocks([[0, 1]]);
  expect(gathered(storage, 0, 2)[1]).toEqual([30, 40, 30, 40]);
});
