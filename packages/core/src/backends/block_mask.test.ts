import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from '@jest/globals';
import { BlockMask, createBlockMask } from './block_mask.js';
import {
  andMasks,
  bidirectionalMaskMod,
  causalMaskMod,
  orMasks,
  slidingWindowMaskMod,
  type MaskMod,
} from './mask_mods.js';

/** The same function without what it knows of tiles. */
const plain =
  (mod: MaskMod): MaskMod =>
  (b, n, p, j) =>
    mod(b, n, p, j);

const MODS: Readonly<Record<string, MaskMod>> = {
  causal: causalMaskMod,
  bidirectional: bidirectionalMaskMod,
  'window of 1': slidingWindowMaskMod(1),
  'window of 5': slidingWindowMaskMod(5),
  'window of 100': slidingWindowMaskMod(100),
  'causal window': andMasks(causalMaskMod, slidingWindowMaskMod(7)),
  'causal or window': orMasks(causalMaskMod, slidingWindowMaskMod(3)),
  'causal or a stranger': orMasks(causalMaskMod, (_b, _n, p, j) => (p + j) % 3 === 0),
};

describe('what masks know of tiles is what they say of each key', () => {
  test.each(Object.entries(MODS))('%s', (_, mod) => {
    for (const queryOffset of [-3, 0, 11, 60]) {
      const shape = { queryLen: 21, kvLen: 34, queryOffset, blockSize: [4, 5] } as const;
      const [fast, slow] = [createBlockMask(mod, shape), createBlockMask(plain(mod), shape)];
      expect(fast.bits).toEqual(slow.bits);
      expect(fast.sparsity()).toBe(slow.sparsity());
      expect([fast.windowLeft, fast.windowRight]).toEqual([slow.windowLeft, slow.windowRight]);
      for (let block = 0; block < 6; block++) {
        expect(fast.fullBlocks(0, 0, block)).toEqual(slow.fullBlocks(0, 0, block));
        expect(fast.partialBlocks(0, 0, block)).toEqual(slow.partialBlocks(0, 0, block));
      }
    }
  });
});

test('a causal square: full below the diagonal, partial on it, nothing above', () => {
  const mask = createBlockMask(causalMaskMod, { queryLen: 48, kvLen: 48 });
  expect([0, 1, 2].map((block) => mask.fullBlocks(0, 0, block))).toEqual([[], [0], [0, 1]]);
  expect([0, 1, 2].map((block) => mask.partialBlocks(0, 0, block))).toEqual([[0], [1], [2]]);
  expect(mask.sparsity()).toBeCloseTo(3 / 9);
  expect([mask.windowLeft, mask.windowRight]).toEqual([47, 0]);
});

test('requests of different lengths lie packed, heads in front', () => {
  const mod: MaskMod = (b, n, p, j) => j === p - n || b === 1;
  const mask = new BlockMask(mod, {
    queryLens: [2, 1],
    kvLens: [3, 2],
    heads: 2,
  });
  expect(mask.shape).toEqual([2, 3, 3]);
  expect(Array.from(mask.bits)).toEqual([
    ...[0, 1, 0, 0, 0, 1, 1, 1, 0], // head 0: positions 1 and 2 of the first, both keys of the second
    ...[1, 0, 0, 0, 1, 0, 1, 1, 0],
  ]);
  const tensor = mask.toTensor();
  expect([tensor.dtype, ...tensor.shape]).toEqual(['bool', 2, 3, 3]);
  tensor.dispose();
});

test('batches of equal lengths', () => {
  const mask = createBlockMask((b, _n, p, j) => j === p + b, { batch: 2, queryLen: 2, kvLen: 3 });
  expect(mask.shape).toEqual([1, 4, 3]);
  expect(Array.from(mask.bits)).toEqual([0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0]);
});

test.each([
  ['maskMod must be a function', () => createBlockMask(3 as never, { queryLen: 1, kvLen: 1 })],
  ['queryLen', () => createBlockMask(causalMaskMod, { queryLen: 0, kvLen: 1 })],
  ['blockSize', () => createBlockMask(causalMaskMod, { queryLen: 1, kvLen: 1, blockSize: [0, 1] })],
  ['an entry a request', () => new BlockMask(causalMaskMod, { queryLens: [1], kvLens: [] })],
  ['window', () => slidingWindowMaskMod(0)],
  ['at least one', () => andMasks()],
  ['argument 1 must be a function', () => orMasks(causalMaskMod, 1 as never)],
])('refused: %s', (message, call) => {
  expect(call).toThrow(message);
});
