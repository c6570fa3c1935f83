import { expect, test } from '@jest/globals';
import { InvalidArgumentError } from '../errors.js';
import type { KvCacheDtype } from '../problem/params.js';
import {
  ChunkedLocalAttentionSpec,
  CrossAttentionSpec,
  FullAttentionSpec,
  MLAAttentionSpec,
  SlidingWindowSpec,
} from './spec.js';

const geometry = { blockSize: 16, numKvHeads: 2, headSize: 64 };

test.each<[KvCacheDtype, number]>([
  ['float32', 16 * 2 * 128 * 4],
  ['float16', 16 * 2 * 128 * 2],
  ['bfloat16', 16 * 2 * 128 * 2],
  ['fp8_e4m3', 16 * 2 * 128],
  ['fp8_e5m2', 16 * 2 * 128],
  ['int8', 16 * 2 * 128],
  ['int8_per_token_head', 16 * 2 * (128 + 8)],
  ['fp8_per_token_head', 16 * 2 * (128 + 8)],
])('a page of %s has %d bytes', (dtype, bytes) => {
  expect(new FullAttentionSpec(geometry).pageSizeBytes(dtype)).toBe(bytes);
});

test('keys and values may have different sizes', () => {
  const spec = new CrossAttentionSpec({ ...geometry, valueHeadSize: 32 });
  expect(spec.pageSizeBytes('int8')).toBe(16 * 2 * 96);
});

/** Most blocks that hold a needed key at any step, by trying them all. */
function blocksHeld(numTokens: number, blockSize: number, firstNeeded: (p: number) => number) {
  let most = 0;
  for (let p = 0; p < numTokens; p++) {
    most = Math.max(most, Math.floor(p / blockSize) - Math.floor(firstNeeded(p) / blockSize) + 1);
  }
  return most;
}

test.each([1, 3, 16, 17, 64])('a window of %d has blocks enough at every step', (slidingWindow) => {
  const spec = new SlidingWindowSpec({ ...geometry, slidingWindow });
  for (const numTokens of [1, 16, 17, 100, 1000]) {
    const needed = blocksHeld(numTokens, 16, (p) => Math.max(0, p - slidingWindow + 1));
    expect(spec.maxBlocksPerSeq(numTokens)).toBeGreaterThanOrEqual(needed);
    expect(spec.maxBlocksPerSeq(numTokens)).toBeLessThanOrEqual(Math.ceil(numTokens / 16));
  }
});

test.each([1, 16, 24, 100])('chunks of %d have blocks enough at every step', (chunk) => {
  const spec = new ChunkedLocalAttentionSpec({ ...geometry, attentionChunkSize: chunk });
  for (const numTokens of [1, 30, 500]) {
    const needed = blocksHeld(numTokens, 16, (p) => Math.floor(p / chunk) * chunk);
    expect(spec.maxBlocksPerSeq(numTokens)).toBeGreaterThanOrEqual(needed);
  }
});

test('bad geometry is refused by the spec that got it', () => {
  expect(() => new FullAttentionSpec({ ...geometry, blockSize: 0 })).toThrow(
    /^FullAttentionSpec: blockSize .* got 0/,
  );
  expect(() => new SlidingWindowSpec({ ...geometry, slidingWindow: 0 })).toThrow(/slidingWindow/);
  expect(() => new MLAAttentionSpec(geometry)).toThrow(/numKvHeads must be 1 .* got 2/);
  expect(() => new FullAttentionSpec(undefined as never)).toThrow(InvalidArgumentError);
});
