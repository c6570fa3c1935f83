import { check, checkInt } from '../problem/checks.js';

/** Work items of a causal convolution over packed sequences: item i is chunk `chunks[i]` of sequence `sequences[i]`. */
export interface CausalConv1dMetadata {
  /** `[B]` chunks of each sequence. */
  numChunks: Int32Array;
  /** `[items]` */
  sequences: Int32Array;
  /** `[items]` counted from the start of its sequence. */
  chunks: Int32Array;
}

const OP = 'computeCausalConv1dMetadata';

/**
 * Cuts every sequence of a packed batch into chunks of `chunkSize` tokens, for layers with a short convolution beside
 * attention (vLLM `compute_causal_conv1d_metadata`, which lists the same items padded for its kernel's launch).
 *
 * ```js
 * computeCausalConv1dMetadata(Int32Array.of(0, 9, 10));
 * // numChunks 2, 1; sequences 0, 0, 1; chunks 0, 1, 0
 * ```
 *
 * @param queryStartLoc `[B + 1]` prefix sums of query lengths
 * @param chunkSize tokens; default 8
 */
export function computeCausalConv1dMetadata(
  queryStartLoc: Int32Array,
  chunkSize = 8,
): CausalConv1dMetadata {
  checkInt(chunkSize, OP, 'chunkSize', 1);
  check(queryStartLoc.length > 0, OP, 'queryStartLoc must be [B + 1], got no entry');
  const numChunks = new Int32Array(queryStartLoc.length - 1);
  for (let b = 0; b < numChunks.length; b++) {
    const length = queryStartLoc[b + 1] - queryStartLoc[b];
    check(length >= 0, OP, `queryStartLoc must not fall: entry ${b + 1} does`);
    numChunks[b] = Math.ceil(length / chunkSize);
  }
  const sequences: number[] = [];
  const chunks: number[] = [];
  numChunks.forEach((count, b) => {
    for (let chunk = 0; chunk < count; chunk++) {
      sequences.push(b);
      chunks.push(chunk);
    }
  });
  return { numChunks, sequences: Int32Array.from(sequences), chunks: Int32Array.from(chunks) };
}
