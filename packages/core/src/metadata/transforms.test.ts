import { expect, test } from '@jest/globals';
import { range, reshape } from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import fc from 'fast-check';
import { InvalidArgumentError } from '../errors.js';
import { getDcpLocalSeqLens } from './dcp.js';
import { makeCommon } from './fixtures.js';
import { makeKvSharingFastPrefillCommonAttnMetadata } from './fast_prefill.js';
import { splitPrefillChunks } from './prefill_chunks.js';
import { reorderBatchToSplitDecodesAndPrefills } from './reorder.js';
import { reshapeAttnOutputForSpecDecode, reshapeQueryForSpecDecode } from './spec_decode.js';

test.each<[number[], number, number, number[][]]>([
  [[2, 3, 4, 2], 5, 0, [[0, 2], [2, 3], [3, 4]]], // prettier-ignore
  [[2, 3, 4, 2], 5, 1, [[1, 2], [2, 3], [3, 4]]], // prettier-ignore
  [[5, 5, 5], 5, 0, [[0, 1], [1, 2], [2, 3]]], // prettier-ignore
  [[1, 1, 1], 10, 0, [[0, 3]]],
  [[4, 4, 4], 100, 1, [[1, 3]]],
])('prefills of %j keys in a buffer of %d from request %d', (seqLens, size, start, expected) => {
  expect(splitPrefillChunks(seqLens, size, start)).toEqual(expected);
});

test('a prefill longer than the buffer is refused', () => {
  expect(() => splitPrefillChunks([2, 6], 5)).toThrow(/seqLens\[1\] = 6 is more than/);
});

test('positions are dealt as by hand', () => {
  for (let dcpSize = 1; dcpSize <= 4; dcpSize++) {
    for (const interleave of [1, 2, 4]) {
      const lengths = Int32Array.from({ length: 60 }, (_, length) => length);
      const dealt = Array.from(lengths, (length) => {
        const held = Array<number>(dcpSize).fill(0);
        for (let t = 0; t < length; t++) held[Math.floor(t / interleave) % dcpSize]++;
        return held;
      });
      const all = getDcpLocalSeqLens(lengths, dcpSize, null, interleave);
      expect(Array.from(all)).toEqual(dealt.flat());
      for (let rank = 0; rank < dcpSize; rank++) {
        const one = getDcpLocalSeqLens(lengths, dcpSize, rank, interleave);
        expect(Array.from(one)).toEqual(dealt.map((held) => held[rank]));
      }
    }
  }
  expect(() => getDcpLocalSeqLens(Int32Array.of(1), 2, 2)).toThrow(InvalidArgumentError);
});

const prefills = () =>
  makeCommon([15, 5, 8], [15, 25, 28], {
    logitsIndices: Int32Array.of(14, 18, 19, 27, 0, 0),
    numLogitsIndices: 4,
  });

test('fast prefill keeps the tokens whose logits are wanted', () => {
  const common = prefills();
  const kept = makeKvSharingFastPrefillCommonAttnMetadata(common);
  expect(kept).toMatchObject({
    queryStartLoc: Int32Array.of(0, 1, 3, 4),
    numActualTokens: 4,
    maxQueryLen: 2,
    maxSeqLen: 28,
    seqLens: common.seqLens,
    blockTable: common.blockTable,
    slotMapping: common.slotMapping,
    numComputedTokens: Int32Array.of(14, 23, 27),
  });
});

test('fast prefill leaves decodes as they are', () => {
  const decodes = makeCommon([1, 1], [4, 5]);
  expect(makeKvSharingFastPrefillCommonAttnMetadata(decodes)).toBe(decodes);
});

test('a request may want no logits yet', () => {
  const common = prefills().replace({ logitsIndices: Int32Array.of(14, 27) });
  const kept = makeKvSharingFastPrefillCommonAttnMetadata(common);
  expect(kept.queryStartLoc).toEqual(Int32Array.of(0, 1, 1, 2));
});

test.each([
  ['no indices', undefined, /needs logitsIndices/],
  [
    'a token in the middle',
    Int32Array.of(3, 18, 19),
    /logitsIndices\[0\] = 3 is none of the last 1/,
  ],
  ['a gap', Int32Array.of(12, 14), /logitsIndices\[0\] = 12 is none of the last 2/],
  ['past the end', Int32Array.of(27, 28), /logitsIndices\[1\] = 28 must rise and stay below 28/],
  ['falling', Int32Array.of(19, 14), /logitsIndices/],
])('fast prefill refuses %s', (_name, logitsIndices, message) => {
  const common = makeCommon([15, 5, 8], [15, 25, 28], { logitsIndices });
  expect(() => makeKvSharingFastPrefillCommonAttnMetadata(common)).toThrow(message);
});

test('reordering brings decodes to the front with the fewest swaps', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 12 });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 4 }), (tokens, threshold) => {
      const reqIds = tokens.map((_, i) => `r${i}`);
      const before = [...reqIds];
      const numScheduledTokens = Object.fromEntries(reqIds.map((id, i) => [id, tokens[i]]));
      const numDecodes = tokens.filter((count) => count <= threshold).length;
      const misplaced = tokens.slice(numDecodes).filter((count) => count <= threshold).length;
      let swaps = 0;
      const batch = {
        reqIds,
        swapStates(i: number, j: number) {
          [reqIds[i], reqIds[j]] = [reqIds[j], reqIds[i]];
          swaps++;
        },
      };
      const moved = reorderBatchToSplitDecodesAndPrefills(batch, { numScheduledTokens }, threshold);
      const isDecode = reqIds.map((id) => numScheduledTokens[id] <= threshold);
      expect(isDecode).toEqual(isDecode.map((_, i) => i < numDecodes));
      expect(swaps).toBe(misplaced);
      expect(moved).toBe(misplaced > 0);
      expect([...reqIds].sort()).toEqual(before.sort());
    }),
  );
});

test('reordering an unscheduled request is refused before anything moves', () => {
  const batch = { reqIds: ['a', 'b'], swapStates: () => expect(true).toBe(false) };
  expect(() =>
    reorderBatchToSplitDecodesAndPrefills(batch, { numScheduledTokens: { a: 5 } }),
  ).toThrow(/no entry for request 'b'/);
});

test('proposed tokens get an axis of their own and lose it again', () => {
  const query = reshape(range(0, 24), [6, 2, 2]);
  const batched = reshapeQueryForSpecDecode(query, 3);
  expect(batched.shape).toEqual([3, 2, 2, 2]);
  const packed = reshapeAttnOutputForSpecDecode(batched);
  expect(packed.shape).toEqual([6, 2, 2]);
  expect(packed.dataSync()).toEqual(query.dataSync());
  expect(reshapeAttnOutputForSpecDecode(query)).toBe(query);
  expect(() => reshapeQueryForSpecDecode(query, 4)).toThrow(/6 tokens, which 4 requests/);
  expect(() => reshapeQueryForSpecDecode(batched, 3)).toThrow(/rank 3/);
});
