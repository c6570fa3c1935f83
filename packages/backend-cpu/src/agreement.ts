// Random problems against the definition, for whatever kernels the caller brings up.
import * as tf from '@tensorflow/tfjs-core';
import { KV_CACHE_DTYPES, type AttentionOptions } from '@tfjs-attention/core';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { denseOutcome, pagedOutcome, randomSource, randomTensor, worstError } from './fixtures.js';

/** Features that each touch another hook; drawn at random into combinations. */
function drawOptions(random: () => number, heads: number, tokens: number, keys: number) {
  const options: AttentionOptions = {};
  const pick = () => random() < 0.35;
  const perHead = () => Array.from({ length: heads }, () => random() - 0.5);
  options.causal = random() < 0.5;
  const window = Math.floor(random() * 30);
  if (window < 9) options.slidingWindow = 1 + window;
  else if (window < 18) options.windowLeft = window - 9;
  if (pick()) options.logitsSoftCap = 2;
  if (pick()) options.alibiSlopes = perHead();
  if (pick()) options.sinks = perHead();
  if (pick()) options.chunkSize = 1 + Math.floor(random() * 20);
  if (pick()) options.rswaPrefixLen = Math.floor(random() * 6);
  if (pick()) options.softmaxScale = random();
  if (pick()) options.bias = randomTensor([tokens, keys], random);
  if (pick()) options.mask = tf.greater(randomTensor([heads, 1, keys], random), -1);
  if (pick()) options.qqBias = randomTensor([3, 3], random);
  return options;
}

/** Ranges of one sequence that begin and end anywhere. */
function drawRanges(random: () => number) {
  const ranges: [number, number][] = [];
  for (let at = 0; random() < 0.8;) {
    const first = at + Math.floor(random() * 20);
    const last = first + Math.floor(random() * 25);
    ranges.push([first, last]);
    at = last + 1;
  }
  return ranges;
}

export function describeAgreement(label: string, setUp: () => Promise<void>): void {
  describe(label, () => {
    beforeAll(setUp);

    test('dense attention agrees with the definition under random features', () => {
      const random = randomSource(7);
      for (let round = 0; round < 9; round++) {
        const heads = [4, 6, 1][round % 3];
        const size = [64, 5, 33, 128][round % 4];
        const [tokens, keys] = [1 + Math.floor(random() * 36), 1 + Math.floor(random() * 70)];
        tf.tidy(() => {
          const q = randomTensor([2, tokens, heads, size], random);
          const kvHeads = heads === 6 ? 2 : 1;
          const k = randomTensor([2, keys, kvHeads, size], random);
          const v = randomTensor([2, keys, kvHeads, round % 5 === 0 ? 7 : size], random);
          const mmPrefixRanges = [drawRanges(random), drawRanges(random)];
          const options = { ...drawOptions(random, heads, tokens, keys), mmPrefixRanges };
          expect(worstError(denseOutcome(q, k, v, options))).toBeLessThan(4e-6);
        });
      }
    });

    test.each(KV_CACHE_DTYPES)('paged attention over %s agrees with the definition', (dtype) => {
      const random = randomSource(11);
      for (let round = 0; round < 2; round++) {
        const seqLens = [3 + Math.floor(random() * 60), 1, 17, 90];
        const queryLens = round % 2 === 0 ? [1, 1, 1, 1] : [3, 1, 0, 20];
        tf.tidy(() => {
          const tokens = queryLens.reduce((sum, length) => sum + length);
          const outcome = pagedOutcome(
            {
              numHeads: 4,
              numKvHeads: 2,
              headSize: [32, 20][round % 2],
              valueHeadSize: [32, 9][round % 2],
              blockSize: [16, 5][round % 2],
              dtype,
              queryLens,
              seqLens,
              options: drawOptions(random, 4, tokens, 90),
              ...(dtype.endsWith('head')
                ? {}
                : { kScale: 0.03, vScale: Float32Array.of(0.02, 0.03) }),
            },
            random,
          );
          expect(worstError(outcome)).toBeLessThan(4e-6);
        });
      }
    });
  });
}
