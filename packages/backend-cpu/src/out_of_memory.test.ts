import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {
  CapacityError,
  flashAttention,
  FullAttentionSpec,
  gatherCache,
  KvCache,
  pagedAttention,
  planAttention,
  reshapeAndCache,
  type AttentionPlan,
  type KvBlockBytes,
} from '@tfjs-attention/core';
import { afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { memory, setWasmModule } from './index.js';
import type { TfjsWasm } from './tensors/tfjs_backends.js';

beforeAll(() => {
  tf.env().set('IS_TEST', true);
});

afterEach(() => {
  jest.restoreAllMocks();
});

const TOKENS = 2000;
const spec = new FullAttentionSpec({ blockSize: 16, numKvHeads: 2, headSize: 64 });

function makePlan(): AttentionPlan {
  const blocks = TOKENS / 16;
  return planAttention({
    queryStartLoc: Int32Array.of(0, TOKENS),
    seqLens: Int32Array.of(TOKENS),
    blockTables: [Array.from({ length: blocks }, (_, i) => i)],
    slotMapping: Int32Array.from({ length: TOKENS }, (_, i) => i),
  });
}

/** Every op that takes memory; what it makes is disposed. */
const calls: Readonly<Record<string, (x: tf.Tensor, cache: KvCache, plan: AttentionPlan) => void>> =
  {
    flashAttention: (x) => {
      const q = tf.reshape(x, [1, TOKENS, 2, 64]);
      const { output, lse } = flashAttention(q, q, q, { slidingWindow: 2, returnLse: true });
      tf.dispose([output, lse]);
    },
    pagedAttention: (x, cache, plan) => {
      const { output, lse } = pagedAttention(x, cache, plan, { slidingWindow: 2, returnLse: true });
      tf.dispose([output, lse]);
    },
    reshapeAndCache: (x, cache, plan) => reshapeAndCache(x, x, cache, plan),
    gatherCache: (x, cache, plan) => {
      const { key, value } = gatherCache(cache, plan);
      tf.dispose([key, value]);
    },
  };

const bytesOf = (cache: KvCache) =>
  (cache.storageFor('test').readBlocks([0, 1, 2]) as KvBlockBytes).key;

test.each(Object.keys(calls))(
  'cpu: %s without room says so and leaves all as it was',
  async (op) => {
    await tf.setBackend('cpu');
    // A new memory, without workspace kept from before.
    setWasmModule('auto');
    const cache = new KvCache(spec, { numBlocks: TOKENS / 16 });
    const x = tf.ones<tf.Rank.R3>([TOKENS, 2, 64]);
    const plan = makePlan();
    const before = bytesOf(cache);
    const [{ numTensors }, held] = [tf.memory(), memory()];
    const grow = jest.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(() => {
      throw new RangeError('no more');
    });
    // What is committed already may be just enough for one call; it is taken by caches of one block.
    const fillers: KvCache[] = [];
    expect(() => {
      for (;;) fillers.push(new KvCache(spec, { numBlocks: 1 }));
    }).toThrow(CapacityError);
    const call = () => tf.tidy(() => calls[op](x, cache, plan));
    expect(call).toThrow(CapacityError);
    expect(call).toThrow(`${op}: out of memory`);
    expect(bytesOf(cache)).toEqual(before);
    fillers.forEach((filler) => filler.dispose());
    expect(tf.memory().numTensors).toBe(numTensors);
    plan.dispose();
    expect(memory().own.bytesInUse).toBeLessThanOrEqual(held.own.bytesInUse);
    expect(memory().own.bytesCommitted).toBe(held.own.bytesCommitted);
    grow.mockRestore();
    const again = makePlan();
    tf.tidy(() => calls[op](x, cache, again));
    again.dispose();
    cache.dispose();
    x.dispose();
  },
);

test.each(Object.keys(calls))('wasm: %s survives the failure of any allocation', async (op) => {
  await tf.setBackend('wasm');
  const cache = new KvCache(spec, { numBlocks: TOKENS / 16 });
  const x = tf.ones<tf.Rank.R3>([TOKENS, 2, 64]);
  const before = bytesOf(cache);
  const { numTensors } = tf.memory();
  const { wasm } = tf.backend() as unknown as { wasm: TfjsWasm };
  const malloc = wasm._malloc.bind(wasm);
  let failures = 0;
  for (let done = false; !done; failures++) {
    const plan = makePlan();
    let left = failures;
    const mocked = jest
      .spyOn(wasm, '_malloc')
      .mockImplementation((bytes) => (left-- > 0 ? malloc(bytes) : 0));
    try {
      tf.tidy(() => calls[op](x, cache, plan));
      done = true;
    } catch (error) {
      expect(error).toBeInstanceOf(CapacityError);
      expect((error as Error).message).toContain(`${op}: out of memory`);
      expect(bytesOf(cache)).toEqual(before);
    }
    mocked.mockRestore();
    plan.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  }
  expect(failures).toBeGreaterThan(1);
  cache.dispose();
  x.dispose();
  expect(memory().active.bytesInUse).toBeLessThan(5 * 2 ** 20);
});
