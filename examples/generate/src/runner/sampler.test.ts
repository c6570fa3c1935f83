import { beforeAll, describe, expect, test } from '@jest/globals';
import { log, memory, setBackend, tensor2d, type Tensor2D } from '@tensorflow/tfjs-core';
import { makeSampler, type Sampling } from './sampler.js';
import '../tf_backend.js';

const PROBABILITIES = [0.05, 0.5, 0.1, 0.3, 0.05];

describe.each(['cpu', 'wasm'])("on '%s'", (backend) => {
  let scores: Tensor2D;
  beforeAll(async () => {
    await setBackend(backend);
    scores = log(tensor2d([PROBABILITIES]));
  });

  const draw = (sampling: Sampling, times: number): number[] => {
    const sampler = makeSampler(sampling);
    return Array.from({ length: times }, (_, step) => {
      const token = sampler(scores, step);
      const [id] = token.dataSync();
      expect([token.dtype, token.shape]).toEqual(['int32', [1]]);
      token.dispose();
      return id;
    });
  };
  const random = { kind: 'random', temperature: 1, topK: null, seed: 3 } as const;
  const share = (ids: number[], id: number) => ids.filter((x) => x === id).length / ids.length;

  test('greedy takes the likeliest', () => expect(draw({ kind: 'greedy' }, 3)).toEqual([1, 1, 1]));

  test('the same seed draws the same, another seed does not', () => {
    const ids = draw(random, 50);
    expect(draw(random, 50)).toEqual(ids);
    expect(draw({ ...random, seed: 4 }, 50)).not.toEqual(ids);
  });

  test('frequencies are the probabilities', () => {
    const ids = draw(random, 2000);
    // Five standard deviations of 2,000 draws are below 0.056.
    PROBABILITIES.forEach((p, id) => expect(Math.abs(share(ids, id) - p)).toBeLessThan(0.056));
  });

  test('top-k leaves the k likeliest, in proportion', () => {
    const ids = draw({ ...random, topK: 2 }, 1000);
    expect(new Set(ids)).toEqual(new Set([1, 3]));
    expect(Math.abs(share(ids, 1) - 0.5 / 0.8)).toBeLessThan(0.077);
  });

  test('temperature sharpens', () =>
    expect(share(draw({ ...random, temperature: 0.25 }, 500), 1)).toBeGreaterThan(0.8));

  test('k beyond the vocabulary is all of it, and nothing leaks', () => {
    const before = memory().numTensors;
    const ids = draw({ ...random, topK: 1000 }, 100);
    expect(Math.max(...ids)).toBeLessThan(5);
    expect(memory().numTensors).toBe(before);
  });
});
