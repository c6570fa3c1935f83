import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InvalidArgumentError } from '../errors.js';
import { makeCommon } from './fixtures.js';
import { makeLocalAttentionVirtualBatches } from './local_attention.js';

test.each<[number[], number[], number, number, number[], number[], number[][]]>([
  [
    [4, 10, 5],
    [6, 17, 9],
    4,
    2,
    [2, 2, 1, 4, 4, 1, 4, 1],
    [4, 2, 4, 4, 4, 1, 4, 1],
    [[0, 1], [2, 3], [11, 12], [13, 14], [15, 16], [17, 17], [20, 21], [22, 23]], // prettier-ignore
  ],
  [[8], [12], 4, 2, [4, 4], [4, 4], [[2, 3], [4, 5]]], // prettier-ignore
  [[7], [10], 4, 2, [1, 4, 2], [4, 4, 2], [[0, 1], [2, 3], [4, 4]]], // prettier-ignore
  [[4], [6], 10, 2, [4], [6], [[0, 1, 2, 2, 2]]],
  [[6, 6], [8, 8], 4, 4, [2, 4, 2, 4], [4, 4, 4, 4], [[0], [1], [2], [3]]],
  [[1], [5], 4, 2, [1], [1], [[2, 2]]],
])('q %j, k %j, chunks of %d, blocks of %d', (q, k, chunk, blockSize, qLocal, kLocal, table) => {
  const common = makeCommon(q, k, { blockSize });
  const local = makeLocalAttentionVirtualBatches(chunk, common, blockSize);
  expect(Array.from(local.queryLens())).toEqual(qLocal);
  expect(Array.from(local.seqLens)).toEqual(kLocal);
  expect(Array.from(local.blockTable)).toEqual(table.flat());
  expect(local).toMatchObject({
    numReqs: qLocal.length,
    numActualTokens: common.numActualTokens,
    maxQueryLen: Math.max(...qLocal),
    maxSeqLen: Math.max(...kLocal),
    maxBlocksPerReq: table[0].length,
    slotMapping: common.slotMapping,
    causal: true,
  });
  expect(local.numComputedTokens).toEqual(Int32Array.from(kLocal, (n, r) => n - qLocal[r]));
});

test('a token sees the keys of its chunk up to itself, and no others', () => {
  const request = fc
    .tuple(fc.nat(9), fc.nat(15))
    .map(([query, context]) => ({ query, seq: query + context }))
    .filter(({ seq }) => seq > 0);
  fc.assert(
    fc.property(
      fc.array(request, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      (requests, blockSize, blocksPerChunk) => {
        const chunk = blockSize * blocksPerChunk;
        const queryLens = requests.map(({ query }) => query);
        const common = makeCommon(queryLens, requests.map(({ seq }) => seq), { blockSize }); // prettier-ignore
        const local = makeLocalAttentionVirtualBatches(chunk, common, blockSize);
        const slotOf = (table: Int32Array, width: number, r: number, j: number) =>
          table[r * width + Math.floor(j / blockSize)] * blockSize + (j % blockSize);
        const seen: number[][] = [];
        local.queryLens().forEach((length, r) => {
          for (let i = 0; i < length; i++) {
            const position = local.numComputedTokens[r] + i;
            const keys = Array.from({ length: position + 1 }, (_, j) => j);
            seen.push(keys.map((j) => slotOf(local.blockTable, local.maxBlocksPerReq, r, j)));
          }
        });
        const expected = requests.flatMap(({ query, seq }, r) =>
          Array.from({ length: query }, (_, i) => {
            const position = seq - query + i;
            const first = position - (position % chunk);
            return Array.from({ length: position - first + 1 }, (_key, j) =>
              slotOf(common.blockTable, common.maxBlocksPerReq, r, first + j),
            );
          }),
        );
        expect(seen).toEqual(expected);
      },
    ),
  );
});

test('what does not fit into chunks is refused', () => {
  const common = makeCommon([2], [8], { blockSize: 2 });
  const cases = [
    () => makeLocalAttentionVirtualBatches(5, common, 2),
    () => makeLocalAttentionVirtualBatches(0, common, 2),
    () => makeLocalAttentionVirtualBatches(4, common.replace({ causal: false }), 2),
    () => makeLocalAttentionVirtualBatches(4, common.replace({ mmPrefixRanges: [[[0, 3]]] }), 2),
    () => makeLocalAttentionVirtualBatches(4, common.replace({ seqLens: Int32Array.of(1) }), 2),
  ];
  for (const call of cases) expect(call).toThrow(InvalidArgumentError);
});
