import { checkInt } from '../problem/checks.js';
import type { CommonAttentionMetadata } from './common_attention_metadata.js';

const OP = 'splitDecodesAndPrefills';

/**
 * How many requests, and tokens of them, lead a batch as decodes, and how many follow as prefills (vLLM
 * `split_decodes_and_prefills`). A decode has at most `decodeThreshold` query tokens; with `requireUniform` also as many
 * as the first request. The first request that is none begins the prefills.
 *
 * ```js
 * splitDecodesAndPrefills(common, 3);  // query lengths [2, 3, 4, 1]: [2, 2, 5, 5]
 * ```
 *
 * @returns [numDecodes, numPrefills, numDecodeTokens, numPrefillTokens]
 */
export function splitDecodesAndPrefills(
  common: CommonAttentionMetadata,
  decodeThreshold = 1,
  requireUniform = false,
): [numDecodes: number, numPrefills: number, numDecodeTokens: number, numPrefillTokens: number] {
  checkInt(decodeThreshold, OP, 'decodeThreshold', 0);
  const { queryStartLoc, numReqs, numActualTokens } = common;
  const first = numReqs === 0 ? 0 : queryStartLoc[1];
  let numDecodes = 0;
  for (; numDecodes < numReqs; numDecodes++) {
    const length = queryStartLoc[numDecodes + 1] - queryStartLoc[numDecodes];
    if (length > decodeThreshold || (requireUniform && length !== first)) break;
  }
  if (numDecodes === numReqs) return [numReqs, 0, numActualTokens, 0];
  const numDecodeTokens = queryStartLoc[numDecodes];
  return [numDecodes, numReqs - numDecodes, numDecodeTokens, numActualTokens - numDecodeTokens];
}
