import * as tf from '@tensorflow/tfjs-core';
import { KV_CACHE_DTYPES, type AttentionOptions } from '@tfjs-attention/core';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  denseOutcome,
  pagedOutcome,
  type PagedCase,
  randomSource,
  randomTensor,
  worstError,
} from '../../backend-cpu/src/fixtures.js';
import { loadAddon } from './addon/load.js';
import './index.js';
import { describeTensorFlow } from './tensorflow_test.js';

/** Features that each touch another hook; drawn at random into combinations. */
function drawOptions(random: () => number, heads: number, tokens: number, keys: number) {
  const options: AttentionOptions = { causal: random() < 0.5 };
  const pick = () => random() < 0.35;
  const perHead = () => Array.from({ length: heads }, () => random() - 0.5);
  if (pick()) options.slidingWindow = 1 + Math.floor(random() * 30);
  if (pick()) options.logitsSoftCap = 2;
  if (pick()) options.alibiSlopes = perHead();
  if (pick()) options.sinks = perHead();
  if (pick()) options.chunkSize = 1 + Math.floor(random() * 20);
  if (pick()) options.bias = randomTensor([tokens, keys], random);
  if (pick()) options.mask = tf.greater(randomTensor([heads, 1, keys], random), -1);
  if (pick()) options.qqBias = randomTensor([3, 3], random);
  return options;
}

/** Instruction sets that this machine has, the best first. */
function instructionSets(): string[] {
  const state = loadAddon();
  if (state.kind === 'absent') return [];
  return ['avx512', 'avx2', 'neon', 'scalar'].filter((name) => {
    try {
      return state.addon.instructionSet(name) === name;
    } catch {
      return false;
    }
  });
}

function force(name: string): void {
  const state = loadAddon();
  if (state.kind === 'ready') state.addon.instructionSet(name);
}

describeTensorFlow('agreement with the definition', () => {
  const sets = instructionSets();
  beforeAll(async () => {
    tf.env().set('IS_TEST', true);
    await tf.setBackend('tensorflow');
  });
  afterAll(() => force(sets[0]));

  describe.each(sets)('%s', (name) => {
    beforeAll(() => force(name));

    test('dense attention under random features', () => {
      const random = randomSource(7);
      for (let round = 0; round < 16; round++) {
        const heads = [4, 6, 1][round % 3];
        const size = [64, 5, 33, 128][round % 4];
        const [tokens, keys] = [1 + Math.floor(random() * 36), 1 + Math.floor(random() * 70)];
        tf.tidy(() => {
          const q = randomTensor([2, tokens, heads, size], random);
          const kvHeads = heads === 6 ? 2 : 1;
          const k = randomTensor([2, keys, kvHeads, size], random);
          const v = randomTensor([2, keys, kvHeads, round % 5 === 0 ? 7 : size], random);
          const options = drawOptions(random, heads, tokens, keys);
          expect(worstError(denseOutcome(q, k, v, options))).toBeLessThan(4e-6);
        });
      }
    });

    test.each(KV_CACHE_DTYPES)('paged attention over %s', (dtype) => {
      const random = randomSource(11);
      for (let round = 0; round < 2; round++) {
        const queryLens = round % 2 === 0 ? [1, 1, 1, 1] : [3, 1, 0, 20];
        const tokens = queryLens.reduce((sum, length) => sum + length);
        const perHead = { kScale: 0.03, vScale: Float32Array.of(0.02, 0.03) };
        const drawn = {
          numHeads: 4,
          numKvHeads: 2,
          headSize: [32, 20][round],
          valueHeadSize: [32, 9][round],
          blockSize: [16, 5][round],
          dtype,
          queryLens,
          seqLens: [3 + Math.floor(random() * 60), 1, 17, 90],
          options: drawOptions(random, 4, tokens, 90),
          ...(dtype.endsWith('head') ? {} : perHead),
        };
        tf.tidy(() => {
          expect(worstError(pagedOutcome(drawn, random))).toBeLessThan(4e-6);
        });
      }
    });

    test('head sizes 576 and 512, as MLA has them', () => {
      const random = randomSource(5);
      const mla = {
        numHeads: 16,
        numKvHeads: 1,
        headSize: 576,
        valueHeadSize: 512,
        blockSize: 16,
        dtype: 'bfloat16',
        queryLens: [1, 4],
        seqLens: [70, 33],
      } satisfies PagedCase;
      tf.tidy(() => {
        expect(worstError(pagedOutcome(mla, random))).toBeLessThan(4e-6);
      });
    });
  });
});
