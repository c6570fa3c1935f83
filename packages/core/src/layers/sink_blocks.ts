import type { CommonAttentionMetadata } from '../metadata/common_attention_metadata.js';
import { check } from '../problem/checks.js';

/** First block with learned keys; block 0 is the null block. */
export const FIRST_SINK_BLOCK = 1;

/**
 * The same batch with `sinkLen` keys in front of every request: blocks 1 to n before each table row, lengths longer by
 * `sinkLen` but for empty requests, positions of ranges and prefixes that much later. Slots of the new tokens stay: they name physical blocks.
 *
 * @param blockSize C, a divisor of `sinkLen`
 */
export function prependSinkBlocks(
  common: CommonAttentionMetadata,
  sinkLen: number,
  blockSize: number,
): CommonAttentionMetadata {
  check(
    sinkLen % blockSize === 0,
    'StaticSinkAttention',
    `sinkLen ${sinkLen} must be a multiple of the block size ${blockSize}`,
  );
  const count = sinkLen / blockSize;
  const { maxBlocksPerReq, blockTable, seqLens, numComputedTokens } = common;
  const width = count + maxBlocksPerReq;
  const table = new Int32Array(seqLens.length * width);
  seqLens.forEach((_, r) => {
    for (let i = 0; i < count; i++) table[r * width + i] = FIRST_SINK_BLOCK + i;
    const row = blockTable.subarray(r * maxBlocksPerReq, (r + 1) * maxBlocksPerReq);
    table.set(row, r * width + count);
  });
  const behindSinks = (lengths: Int32Array) =>
    lengths.map((length, r) => (seqLens[r] === 0 ? length : length + sinkLen));
  const { rswaPrefixLens, mmPrefixRanges } = common;
  return common.replace({
    ...(rswaPrefixLens && { rswaPrefixLens: behindSinks(rswaPrefixLens) }),
    ...(mmPrefixRanges && {
      mmPrefixRanges: mmPrefixRanges.map((ranges) =>
        ranges.map(([first, last]) => [first + sinkLen, last + sinkLen] as const),
      ),
    }),
    blockTable: table,
    maxBlocksPerReq: width,
    seqLens: behindSinks(seqLens),
    numComputedTokens: behindSinks(numComputedTokens),
  });
}

/** Slots of the learned keys. */
export function sinkSlots(sinkLen: number, blockSize: number): Int32Array {
  return Int32Array.from({ length: sinkLen }, (_, i) => FIRST_SINK_BLOCK * blockSize + i);
}
