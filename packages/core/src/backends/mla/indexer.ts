import type { VllmConfig } from '../../config.js';
import { check, checkInt, checkInt32Array } from '../../problem/checks.js';

const OP = 'kvSpansFromBatches';

/**
 * Which keys each query token may choose from, among the keys of all requests side by side (vLLM
 * `kv_spans_from_batches`): token t of a request of n tokens and s keys sees the request's first s - n + t + 1.
 *
 * ```js
 * kvSpansFromBatches(Int32Array.of(0, 2, 3), Int32Array.of(4, 1));  // starts [0, 0, 4], ends [3, 4, 5]
 * ```
 *
 * @param startSeqLoc `[B + 1]` prefix sums of query lengths
 * @param seqLenPerBatch `[B]` keys
 * @returns `[T]` first key and one past the last of each token
 */
export function kvSpansFromBatches(
  startSeqLoc: Int32Array,
  seqLenPerBatch: Int32Array,
): [starts: Int32Array, ends: Int32Array] {
  checkInt32Array(seqLenPerBatch, OP, 'seqLenPerBatch', undefined, '[B]');
  checkInt32Array(startSeqLoc, OP, 'startSeqLoc', seqLenPerBatch.length + 1, '[B + 1]');
  const first = startSeqLoc[0];
  const starts = new Int32Array(startSeqLoc[seqLenPerBatch.length] - first);
  const ends = new Int32Array(starts.length);
  let keys = 0;
  seqLenPerBatch.forEach((seqLen, b) => {
    const tokens = startSeqLoc[b + 1] - startSeqLoc[b];
    check(
      tokens >= 0 && tokens <= seqLen,
      OP,
      () => `request ${b} has ${tokens} tokens and ${seqLen} keys: its tokens are its last keys`,
    );
    for (let t = 0; t < tokens; t++) {
      const token = startSeqLoc[b] - first + t;
      starts[token] = keys;
      ends[token] = keys + seqLen - tokens + t + 1;
    }
    keys += seqLen;
  });
  return [starts, ends];
}

/** Keys that one turn of an indexer's prefills gathers at most: twice the longest request (vLLM). */
export function getMaxPrefillBufferSize(vllmConfig: VllmConfig): number {
  const { maxModelLen } = vllmConfig.modelConfig;
  checkInt(maxModelLen, 'getMaxPrefillBufferSize', 'modelConfig.maxModelLen', 1);
  return 2 * maxModelLen;
}
