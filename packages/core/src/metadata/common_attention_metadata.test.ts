import { expect, test } from '@jest/globals';
import { tensor1d } from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { InvalidArgumentError } from '../errors.js';
import {
  CommonAttentionMetadata,
  type CommonAttentionMetadataOptions,
} from './common_attention_metadata.js';
import { makeCommon } from './fixtures.js';

const options: CommonAttentionMetadataOptions = {
  queryStartLoc: Int32Array.of(0, 5, 6),
  seqLens: Int32Array.of(5, 33),
  blockTable: Int32Array.of(7, 0, 0, 1, 2, 3),
  slotMapping: Int32Array.of(112, 113, 114, 115, 116, 48),
};

test('counts follow from the arrays', () => {
  const common = new CommonAttentionMetadata(options);
  expect(common).toMatchObject({
    numReqs: 2,
    numActualTokens: 6,
    maxQueryLen: 5,
    maxSeqLen: 33,
    maxBlocksPerReq: 3,
    causal: true,
    numComputedTokens: Int32Array.of(0, 32),
  });
  expect(common.queryLens()).toEqual(Int32Array.of(5, 1));
  expect(common.tokenToReqIndices()).toEqual(Int32Array.of(0, 0, 0, 0, 0, 1));
});

test('upper bounds and padding may be given', () => {
  const padded = { maxQueryLen: 64, maxSeqLen: 4096, numReqs: 1 };
  const common = new CommonAttentionMetadata({ ...options, ...padded });
  expect(common).toMatchObject({ ...padded, numActualTokens: 5 });
  expect(common.batchSize()).toBe(2);
});

test('a replaced array brings its counts, others stay', () => {
  const common = new CommonAttentionMetadata({ ...options, maxQueryLen: 64 });
  const encoded = common.replace({ seqLens: Int32Array.of(100, 7), causal: false });
  expect(encoded).toMatchObject({ maxSeqLen: 100, maxQueryLen: 64, causal: false });
  expect(encoded.numComputedTokens).toBe(common.numComputedTokens);
  const cut = common.replace({ queryStartLoc: Int32Array.of(0, 1, 2) });
  expect(cut).toMatchObject({ maxQueryLen: 1, numActualTokens: 2, maxSeqLen: 33 });
  expect(common.causal).toBe(true);
});

test('padding is taken off', () => {
  const common = makeCommon([1, 1, 0], [9, 17, 0], {
    slotMapping: Int32Array.of(1, 2, -1),
    rswaPrefixLens: Int32Array.of(3, 4, 0),
    mmPrefixRanges: [[[0, 2]], [], []],
  });
  const actual = common.unpadded(2, 2);
  expect(actual).toMatchObject({
    numReqs: 2,
    numActualTokens: 2,
    seqLens: Int32Array.of(9, 17),
    blockTable: Int32Array.of(0, 1, 2, 3),
    slotMapping: Int32Array.of(1, 2),
    rswaPrefixLens: Int32Array.of(3, 4),
    mmPrefixRanges: [[[0, 2]], []],
  });
});

test.each<[string, Partial<CommonAttentionMetadataOptions>, RegExp]>([
  [
    'a tensor',
    { seqLens: tensor1d([5, 33], 'int32') as never },
    /seqLens must be a host Int32Array/,
  ],
  [
    'falling starts',
    { queryStartLoc: Int32Array.of(0, 5, 4) },
    /must not fall: entry 2 is 4 after 5/,
  ],
  [
    'a late start',
    { queryStartLoc: Int32Array.of(1, 5, 6) },
    /queryStartLoc\[0\] must be 0, got 1/,
  ],
  ['too many starts', { queryStartLoc: new Int32Array(4) }, /queryStartLoc must have 3 entries/],
  ['a negative length', { seqLens: Int32Array.of(-1, 3) }, /seqLens\[0\] must be >= 0, got -1/],
  ['a ragged table', { blockTable: new Int32Array(5) }, /multiple of B = 2/],
  ['another width', { maxBlocksPerReq: 2 }, /B \* maxBlocksPerReq = 4/],
  ['missing slots', { slotMapping: new Int32Array(5) }, /at least 6 entries/],
  ['too many requests', { numReqs: 3 }, /numReqs must be an int32 from 0 to 2, got 3/],
  ['short prefixes', { rswaPrefixLens: new Int32Array(1) }, /rswaPrefixLens must have 2 entries/],
  ['missing ranges', { mmPrefixRanges: [[]] }, /mmPrefixRanges must have a list for each/],
  ['a lone count', { numLogitsIndices: 1 }, /needs logitsIndices/],
])('%s is refused', (_name, changes, message) => {
  expect(() => new CommonAttentionMetadata({ ...options, ...changes })).toThrow(
    InvalidArgumentError,
  );
  expect(() => new CommonAttentionMetadata({ ...options, ...changes })).toThrow(message);
});
