import * as tf from '@tensorflow/tfjs-core';
import { flashAttention, InvalidArgumentError, pagedAttention } from '@tfjs-attention/core';
import { providerFor } from '@tfjs-attention/core/provider';
import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { pagedSetup, randomSource, randomTensor } from '../../backend-cpu/src/fixtures.js';
import { getThreads, setThreads } from './index.js';
import { describeTensorFlow } from './tensorflow_test.js';

/** Bits of a prefill and of a ragged batch with a long decode, on so many threads. */
function bitsWith(threads: number | 'tensorflow'): string[] {
  setThreads(threads);
  const random = randomSource(3);
  const q = randomTensor([1, 200, 4, 32], random);
  const kv = randomTensor([1, 200, 2, 32], random);
  const results = [flashAttention(q, kv, kv, { causal: true })];
  const setup = pagedSetup(
    {
      numHeads: 4,
      numKvHeads: 2,
      headSize: 32,
      blockSize: 16,
      dtype: 'float16',
      queryLens: [1, 90, 1],
      seqLens: [6000, 300, 7],
    },
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

describeTensorFlow('threads', () => {
  beforeAll(async () => {
    tf.env().set('IS_TEST', true);
    await tf.setBackend('tensorflow');
  });
  afterEach(() => setThreads('tensorflow'));

  test('results are the same bits on 1, 2, 3 and as many threads as TensorFlow has', () => {
    const alone = bitsWith(1);
    for (const threads of [2, 3, 'tensorflow'] as const) expect(bitsWith(threads)).toEqual(alone);
    expect(alone[3]).toEqual(alone[1]);
  });

  test('gradients too', () => {
    const bits = (threads: number) =>
      tf.tidy(() => {
        setThreads(threads);
        const random = randomSource(4);
        const draw = (heads: number) => randomTensor([2, 130, heads, 16], random);
        const [q, k, v, slopes] = [draw(4), draw(2), draw(2), randomTensor([4], random)];
        const loss = (...[q, k, v, alibiSlopes]: tf.Tensor[]) =>
          flashAttention(q, k, v, { causal: true, alibiSlopes, implementation: 'FUSED' });
        return tf
          .grads(loss)([q, k, v, slopes])
          .map((x) => x.dataSync());
      });
    const alone = bits(1);
    for (const threads of [2, 3]) expect(bits(threads)).toEqual(alone);
  });

  test('the count is told, by default as TensorFlow has it', () => {
    const told = () => providerFor('tensorflow')?.describe();
    expect(getThreads()).toBe('tensorflow');
    expect(told()).toMatch(
      /^TensorFlow 2\.\d+\.\d+ custom ops, (AVX|NEON|scalar).*, \d+ threads?$/,
    );
    setThreads(1);
    expect(getThreads()).toBe(1);
    expect(told()).toMatch(/, 1 thread$/);
  });

  test('what is no count is refused', () => {
    for (const count of [0, -1, 1.5, NaN, 257]) {
      expect(() => setThreads(count)).toThrow(InvalidArgumentError);
    }
  });
});
