import { describe, expect, test } from '@jest/globals';
import { FullAttentionSpec } from '@tfjs-attention/core';
import { specsOf } from './fixtures.js';
import { poolSize } from './pool_size.js';
import { ServingRequest } from './request.js';

const specs = specsOf(['full'], 4);
const requests = [3, 9, 5].map(
  (length, index) =>
    new ServingRequest({
      index,
      requestId: `prompts.txt:${index + 1}`,
      promptIds: Array<number>(length).fill(2),
      maxTokens: 8,
      eosTokenIds: [],
      blockSize: 4,
    }),
);
const limits = { maxNumSeqs: 2, maxNumBatchedTokens: 100 };

describe('the pool', () => {
  test('has room for the largest requests that run at once, beside the null block', () =>
    // 10, 16 and 12 tokens pass through the model.
    expect(poolSize(specs, requests, limits)).toBe(1 + 4 + 3));

  test('takes no more than 1 GiB of its own accord, but what one request needs', () => {
    const spec = new FullAttentionSpec({
      blockSize: 4,
      numKvHeads: 2 ** 9,
      headSize: 2 ** 14,
      dtype: 'float32',
    });
    // A block takes 2 * 4 * 2^9 * 2^14 * 4 bytes = 256 MiB.
    expect(poolSize({ layer: spec }, requests, { ...limits, maxNumSeqs: 3 })).toBe(1 + 4);
    expect(poolSize({ layer: spec, other: spec }, requests, limits)).toBe(1 + 4);
  });

  test('is what was asked for where every request fits alone', () => {
    expect(poolSize(specs, requests, { ...limits, numBlocks: 5 })).toBe(5);
    expect(() => poolSize(specs, requests, { ...limits, numBlocks: 4 })).toThrow(
      /^prompts.txt:2: 9 prompt tokens and 8 new ones need 5 cache blocks, .* --num-blocks is 4; raise/,
    );
  });
});
