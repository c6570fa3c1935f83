import {
  CommonAttentionMetadata,
  type CommonAttentionMetadataOptions,
} from './common_attention_metadata.js';

/** Prefix sums, 0 first. */
export function startsOf(lengths: readonly number[]): Int32Array {
  const starts = new Int32Array(lengths.length + 1);
  lengths.forEach((length, r) => (starts[r + 1] = starts[r] + length));
  return starts;
}

/** A batch for tests: block b of the table is block b, token t has slot t. */
export function makeCommon(
  queryLens: readonly number[],
  seqLens: readonly number[],
  {
    blockSize = 16,
    ...changes
  }: Partial<CommonAttentionMetadataOptions> & { blockSize?: number } = {},
): CommonAttentionMetadata {
  const queryStartLoc = startsOf(queryLens);
  const width = Math.ceil(Math.max(...seqLens) / blockSize);
  return new CommonAttentionMetadata({
    queryStartLoc,
    seqLens: Int32Array.from(seqLens),
    blockTable: Int32Array.from({ length: seqLens.length * width }, (_, i) => i),
    slotMapping: Int32Array.from({ length: queryStartLoc[queryLens.length] }, (_, i) => i),
    ...changes,
  });
}
