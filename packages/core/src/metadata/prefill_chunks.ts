import { check, checkInt } from '../problem/checks.js';

const OP = 'splitPrefillChunks';

/**
 * Greedy runs of requests whose keys fit a buffer together (vLLM `split_prefill_chunks`).
 *
 * ```js
 * splitPrefillChunks([2, 3, 4, 2], 5, 1);  // [[1, 2], [2, 3], [3, 4]]: requests start to end - 1
 * ```
 *
 * @param workspaceSize tokens of the buffer
 * @param requestOffset first request
 * @throws InvalidArgumentError for a request that is longer than the buffer.
 */
export function splitPrefillChunks(
  seqLens: ArrayLike<number>,
  workspaceSize: number,
  requestOffset = 0,
): [start: number, end: number][] {
  checkInt(workspaceSize, OP, 'workspaceSize', 1);
  checkInt(requestOffset, OP, 'requestOffset', 0, seqLens.length);
  const chunks: [number, number][] = [];
  for (let start = requestOffset; start < seqLens.length;) {
    let end = start;
    for (let sum = seqLens[end]; sum <= workspaceSize; sum += seqLens[end]) {
      end++;
      if (end === seqLens.length) break;
    }
    check(
      end > start,
      OP,
      `seqLens[${start}] = ${seqLens[start]} is more than workspaceSize ${workspaceSize}; make the buffer larger`,
    );
    chunks.push([start, end]);
    start = end;
  }
  return chunks;
}
