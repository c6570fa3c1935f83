import { reshape, type Tensor } from '@tensorflow/tfjs-core';
import { check, checkInt, checkTensor } from '../problem/checks.js';

/**
 * Packed queries `[T, N, H]` of requests with equally many tokens as `[B, T / B, N, H]` (vLLM
 * `reshape_query_for_spec_decode`).
 *
 * @throws InvalidArgumentError unless `batchSize` divides T.
 */
export function reshapeQueryForSpecDecode(query: Tensor, batchSize: number): Tensor {
  const op = 'reshapeQueryForSpecDecode';
  checkTensor(query, op, 'query', 3, '[T, N, H]');
  checkInt(batchSize, op, 'batchSize', 1);
  const [numTokens, numHeads, headSize] = query.shape;
  check(
    numTokens % batchSize === 0,
    op,
    `query has ${numTokens} tokens, which ${batchSize} requests do not share evenly`,
  );
  return reshape(query, [batchSize, numTokens / batchSize, numHeads, headSize]);
}

/** `[B, S, N, Hv]` packed again as `[T, N, Hv]`; a packed output passes through (vLLM `reshape_attn_output_for_spec_decode`). */
export function reshapeAttnOutputForSpecDecode(attnOutput: Tensor): Tensor {
  const op = 'reshapeAttnOutputForSpecDecode';
  if (attnOutput.rank === 3) return attnOutput;
  checkTensor(attnOutput, op, 'attnOutput', 4, '[B, S, N, Hv]');
  const [batchSize, queryLen, numHeads, headSize] = attnOutput.shape;
  return reshape(attnOutput, [batchSize * queryLen, numHeads, headSize]);
}
