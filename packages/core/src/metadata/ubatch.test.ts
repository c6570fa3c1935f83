import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InvalidArgumentError, UnsupportedError } from '../errors.js';
import { makeCommon, startsOf } from './fixtures.js';
import {
  checkUbatchThresholds,
  createUbatchSlices,
  isSecondUbatchEmpty,
  makeMetadataWithSlice,
  sliceQueryStartLocs,
  splitAttnMetadata,
  UBatchSlice,
} from './ubatch.js';

const slice = (start: number, stop: number) => ({ start, stop });
const ones = (count: number) => Array<number>(count).fill(1);

test.each<[number, number, number[]]>([
  [1, 3, [0, 7, 15]],
  [0, 2, [0, 5, 12]],
  [3, 5, [0, 15, 30]],
  [2, 3, [0, 8]],
  [4, 5, [0, 15]],
  [0, 5, [0, 5, 12, 20, 35, 50]],
])('starts of requests %d to %d', (start, stop, expected) => {
  const starts = Int32Array.of(0, 5, 12, 20, 35, 50);
  expect(Array.from(sliceQueryStartLocs(starts, slice(start, stop)))).toEqual(expected);
  expect(starts[1]).toBe(5);
});

test('one request of a batch of decodes', () => {
  const part = makeMetadataWithSlice(
    new UBatchSlice(slice(0, 1), slice(0, 1)),
    makeCommon([1, 1], [32, 40]),
  );
  expect(part).toMatchObject({
    numReqs: 1,
    numActualTokens: 1,
    maxQueryLen: 1,
    queryStartLoc: Int32Array.of(0, 1),
    seqLens: Int32Array.of(32),
  });
});

test('the middle of a mixed batch', () => {
  const common = makeCommon([1, 1, 5, 5], [32, 40, 48, 56]);
  const part = makeMetadataWithSlice(new UBatchSlice(slice(1, 3), slice(1, 7)), common);
  expect(part).toMatchObject({
    numReqs: 2,
    numActualTokens: 6,
    maxQueryLen: 5,
    maxSeqLen: 48,
    queryStartLoc: Int32Array.of(0, 1, 6),
    seqLens: Int32Array.of(40, 48),
    slotMapping: Int32Array.of(1, 2, 3, 4, 5, 6),
  });
});

test('a large batch of decodes in halves', () => {
  const common = makeCommon(ones(32), Array<number>(32).fill(2048));
  const parts = splitAttnMetadata(createUbatchSlices(ones(32), 16), common);
  expect(parts.map((part) => part.numReqs)).toEqual([16, 16]);
  expect(parts.map((part) => part.numActualTokens)).toEqual([16, 16]);
  expect(parts[1].blockTable[0]).toBe(16 * 128);
});

test.each([
  [12, [2, 1], [32, 36], [40], [24, 32], [36]],
  [4, [1, 2], [28], [32, 40], [24], [28, 32]],
])('two prefills cut at token %d', (at, numReqs, firstLens, secondLens, firstDone, secondDone) => {
  const common = makeCommon([8, 8], [32, 40]);
  const parts = splitAttnMetadata(createUbatchSlices([8, 8], at), common);
  expect(parts.map((part) => part.numReqs)).toEqual(numReqs);
  expect(parts.map((part) => part.numActualTokens)).toEqual([at, 16 - at]);
  expect(parts.map((part) => Array.from(part.seqLens))).toEqual([firstLens, secondLens]);
  // The request that goes on has computed what the first part computes.
  expect(parts.map((part) => Array.from(part.numComputedTokens))).toEqual([firstDone, secondDone]);
  const [head, tail] = parts.map((part) => Array.from(part.queryLens()));
  expect([...head.slice(0, -1), head[head.length - 1] + tail[0], ...tail.slice(1)]).toEqual([8, 8]);
  expect(Array.from(common.seqLens)).toEqual([32, 40]);
  expect(Array.from(common.queryStartLoc)).toEqual([0, 8, 16]);
});

test('a cut batch keeps what else it says', () => {
  const common = makeCommon([4, 4], [4, 9], {
    causal: false,
    enableKvScalesCalculation: true,
    logitsIndices: Int32Array.of(3, 6, 7, 0),
    numLogitsIndices: 3,
    encoderSeqLens: Int32Array.of(5, 6),
    rswaPrefixLens: Int32Array.of(1, 2),
    mmPrefixRanges: [[[0, 1]], [[2, 3]]],
  });
  const [first, second] = splitAttnMetadata(createUbatchSlices([4, 4], 6), common);
  expect(first).toMatchObject({
    causal: false,
    enableKvScalesCalculation: true,
    logitsIndices: Int32Array.of(3),
    numLogitsIndices: 1,
    encoderSeqLens: Int32Array.of(5, 6),
  });
  expect(second).toMatchObject({
    causal: false,
    logitsIndices: Int32Array.of(0, 1),
    numLogitsIndices: 2,
    encoderSeqLens: Int32Array.of(6),
    rswaPrefixLens: Int32Array.of(2),
    mmPrefixRanges: [[[2, 3]]],
  });
});

test('parts put together are the batch, wherever it is cut', () => {
  const lens = fc.array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.nat(9)), { minLength: 1, maxLength: 6 }); // prettier-ignore
  fc.assert(
    fc.property(lens, fc.nat(), (requests, seed) => {
      const queryLens = requests.map(([query]) => query);
      const seqLens = requests.map(([query, context]) => query + context);
      const common = makeCommon(queryLens, seqLens, { blockSize: 4 });
      const slices = createUbatchSlices(queryLens, seed % (common.numActualTokens + 1));
      const parts = splitAttnMetadata(slices.filter((part) => !part.isEmpty()), common); // prettier-ignore
      // Token by token: position, last key of its part, first block, slot.
      const tokens = (metadata: typeof common) =>
        Array.from(metadata.tokenToReqIndices(), (r, t) => [
          metadata.numComputedTokens[r] + t - metadata.queryStartLoc[r],
          metadata.blockTable[r * metadata.maxBlocksPerReq],
          metadata.slotMapping[t],
        ]);
      expect(parts.flatMap(tokens)).toEqual(tokens(common));
      for (const part of parts) {
        expect(part.seqLens).toEqual(
          part.queryLens().map((length, r) => length + part.numComputedTokens[r]),
        );
      }
    }),
  );
});

test('slices at the ends and between requests', () => {
  const [first, second] = createUbatchSlices([3, 3], 3);
  expect([first.requestSlice, second.requestSlice]).toEqual([slice(0, 1), slice(1, 2)]);
  expect([first.numTokens, second.numTokens]).toEqual([3, 3]);
  const [all, none] = createUbatchSlices([3, 3], 6);
  expect([all.isEmpty(), none.isEmpty()]).toEqual([false, true]);
  expect(createUbatchSlices([3, 3], 0)[0].isEmpty()).toBe(true);
  expect(() => createUbatchSlices([3, 3], 7)).toThrow(/splitPoint must be an int32 from 0 to 6/);
});

test('bad slices are refused', () => {
  const common = makeCommon([2, 2], [4, 4]);
  const cut = (requests: [number, number], tokens: [number, number]) => () =>
    makeMetadataWithSlice(new UBatchSlice(slice(...requests), slice(...tokens)), common);
  expect(cut([0, 0], [0, 0])).toThrow(/the slice is empty/);
  expect(cut([1, 2], [0, 4])).toThrow(/tokenSlice.start = 0 is outside request 1/);
  expect(cut([0, 1], [0, 4])).toThrow(/tokenSlice.stop - 1 = 3 is outside request 0/);
  expect(cut([0, 3], [0, 4])).toThrow(InvalidArgumentError);
  const dealt = common.replace({ dcpLocalSeqLens: Int32Array.of(2, 2) });
  expect(() => splitAttnMetadata(createUbatchSlices([2, 2], 1), dealt)).toThrow(UnsupportedError);
  expect(splitAttnMetadata(createUbatchSlices([2, 2], 2), dealt)).toHaveLength(2);
});

test('when a batch is cut at all', () => {
  expect([31, 32].map((n) => checkUbatchThresholds({ enableDbo: true }, n, true))).toEqual([false, true]); // prettier-ignore
  expect([511, 512].map((n) => checkUbatchThresholds({ enableDbo: true }, n, false))).toEqual([false, true]); // prettier-ignore
  expect(checkUbatchThresholds({}, 10_000, true)).toBe(false);
  expect([7, 8, 9].map((n) => isSecondUbatchEmpty(n, 16))).toEqual([true, true, false]);
});

test('prefix sums of the fixtures', () => {
  expect(startsOf([5, 7, 8])).toEqual(Int32Array.of(0, 5, 12, 20));
});
