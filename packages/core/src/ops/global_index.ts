import { check, checkInt, checkInt32Array } from '../problem/checks.js';

export interface GlobalIndexOptions {
  /** C. Default 64. */
  blockSize?: number;
  /** Indices of a token. Default 2048. */
  numTopkTokens?: number;
}

const OP = 'tritonConvertReqIndexToGlobalIndex';

/**
 * Chosen positions of a token's own sequence as slots of the cache (vLLM `triton_convert_req_index_to_global_index`):
 * position p of sequence r becomes blockTable[r][floor(p / C)] * C + p mod C. An index of -1, and one past the table, is -1.
 *
 * ```js
 * // sequence 0 in blocks 7 and 3 of 64: position 65 is slot 3 * 64 + 1
 * tritonConvertReqIndexToGlobalIndex(Int32Array.of(0), [[7, 3]], Int32Array.of(65, -1), {numTopkTokens: 2});  // [193, -1]
 * ```
 *
 * @param reqId `[T]` sequence of each token
 * @param blockTable one row a sequence
 * @param tokenIndices `[T, topk]`
 * @returns `[T, topk]`
 * @throws InvalidArgumentError for a sequence that the table does not have.
 */
export function tritonConvertReqIndexToGlobalIndex(
  reqId: Int32Array,
  blockTable: readonly (Int32Array | readonly number[])[],
  tokenIndices: Int32Array,
  options: GlobalIndexOptions = {},
): Int32Array {
  const { blockSize = 64, numTopkTokens = 2048 } = options;
  checkInt(blockSize, OP, 'blockSize', 1);
  checkInt(numTopkTokens, OP, 'numTopkTokens', 1);
  checkInt32Array(reqId, OP, 'reqId', undefined, '[T]');
  checkInt32Array(tokenIndices, OP, 'tokenIndices', reqId.length * numTopkTokens, '[T, topk]');
  const isRows: boolean = Array.isArray(blockTable);
  check(isRows, OP, `blockTable must be rows of block ids, got ${typeof blockTable}`);
  reqId.forEach((request, t) =>
    check(
      request >= 0 && request < blockTable.length,
      OP,
      () => `reqId[${t}] = ${request} is none of the ${blockTable.length} rows of blockTable`,
    ),
  );
  return tokenIndices.map((position, i) => {
    const row = blockTable[reqId[Math.floor(i / numTopkTokens)]];
    const block = Math.floor(position / blockSize);
    if (position < 0 || block >= row.length) return -1;
    return row[block] * blockSize + (position % blockSize);
  });
}
