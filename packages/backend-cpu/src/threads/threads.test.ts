import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {
  flashAttention,
  FullAttentionSpec,
  InvalidArgumentError,
  KvCache,
  pagedAttention,
  ready,
} from '@tfjs-attention/core';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { pagedSetup, randomSource, randomTensor } from '../fixtures.js';
import { getThreads, setThreads, terminateThreads } from '../index.js';

beforeAll(() => {
  tf.env().set('IS_TEST', true);
});

afterAll(() => setThreads(1));

const sequences = {
  numHeads: 4,
  numKvHeads: 2,
  headSize: 32,
  blockSize: 16,
  dtype: 'float16',
  queryLens: [1, 90, 1],
  seqLens: [1500, 300, 7],
} as const;

/** Bits of a prefill and of a ragged batch with a long decode, on so many threads. */
async function bitsWith(threads: number): Promise<string[]> {
  setThreads(threads);
  await ready(tf.getBackend());
  expect(getThreads()).toBe(threads);
  const random = randomSource(3);
  const q = randomTensor([1, 200, 4, 32], random);
  const kv = randomTensor([1, 200, 2, 32], random);
  const results = [flashAttention(q, kv, kv, { causal: true })];
  const setup = pagedSetup(
    { ...sequences, queryLens: [...sequences.queryLens], seqLens: [...sequences.seqLens] },
    random,
  );
  for (let again = 0; again < 3; again++) {
    const { output, lse } = pagedAttention(setup.q, setup.cache, setup.plan, { returnLse: true });
    results.push(output, lse);
  }
  setup.plan.dispose();
  setup.cache.dispose();
  return results.map((x) => Buffer.from(x.dataSync().slice().buffer).toString('base64'));
}

test.each(['cpu', 'wasm'])('%s: results are the same bits on 1, 2 and 3 threads', async (name) => {
  await tf.setBackend(name);
  const alone = await bitsWith(1);
  expect(await bitsWith(2)).toEqual(alone);
  expect(await bitsWith(3)).toEqual(alone);
  expect(alone[3]).toEqual(alone[1]);
});

test('calls go on alone after terminateThreads, with the same cache', async () => {
  await tf.setBackend('cpu');
  setThreads(2);
  const cache = new KvCache(new FullAttentionSpec({ blockSize: 4, numKvHeads: 1, headSize: 8 }), {
    numBlocks: 2,
  });
  await ready('cpu');
  terminateThreads();
  expect(getThreads()).toBe(1);
  const x = tf.ones([1, 3, 1, 8]);
  expect([...flashAttention(x, x, x).dataSync()]).toEqual([...x.dataSync()]);
  expect([...cache.toTensors().key.dataSync()]).toEqual(new Array(64).fill(0));
  cache.dispose();
});

test('setThreads is refused while a cache lives, and for counts that are none', () => {
  const cache = new KvCache(new FullAttentionSpec({ blockSize: 4, numKvHeads: 1, headSize: 8 }), {
    numBlocks: 2,
  });
  expect(() => setThreads(3)).toThrow(/before the first KvCache/);
  cache.dispose();
  for (const count of [0, 1.5, NaN, 65]) {
    expect(() => setThreads(count)).toThrow(InvalidArgumentError);
  }
});
