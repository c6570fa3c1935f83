import type { AttentionBackend } from '../backends/abstract.js';
import { check } from '../problem/checks.js';
import type { CommonAttentionMetadata } from './common_attention_metadata.js';
import { subclassAttentionBackend, subclassAttentionBuilder } from './subclass_backend.js';

/** What metadata for fast prefill carry beside the batch (vLLM `KVSharingFastPrefillMetadata`). */
export interface KVSharingFastPrefillMetadata {
  readonly logitsIndices: Int32Array;
  readonly numLogitsIndices: number;
}

const OP = 'makeKvSharingFastPrefillCommonAttnMetadata';

/**
 * Leaves out the prompt tokens whose scores nobody wants, for layers that read another layer's keys (vLLM
 * `make_kv_sharing_fast_prefill_common_attn_metadata`). A batch of decodes stays as it is.
 *
 * ```js
 * // queryStartLoc [0, 15, 20, 28], logitsIndices [14, 18, 19, 27]
 * makeKvSharingFastPrefillCommonAttnMetadata(common).queryStartLoc;  // [0, 1, 3, 4]
 * ```
 *
 * @throws InvalidArgumentError without `logitsIndices`, or where the tokens that stay are not the last ones of their
 *   requests: the causal rule counts from the end.
 */
export function makeKvSharingFastPrefillCommonAttnMetadata(
  common: CommonAttentionMetadata,
): CommonAttentionMetadata {
  if (common.maxQueryLen === 1) return common;
  const { logitsIndices, numLogitsIndices, queryStartLoc, numReqs, seqLens } = common;
  check(
    logitsIndices !== undefined && numLogitsIndices !== undefined,
    OP,
    'the batch needs logitsIndices: the tokens whose logits are wanted',
  );
  const kept = new Int32Array(queryStartLoc.length);
  let next = 0;
  for (let r = 0; r < seqLens.length; r++) {
    const first = next;
    const end = r < numReqs ? queryStartLoc[r + 1] : 0;
    while (next < numLogitsIndices && logitsIndices[next] < end) next++;
    for (let i = first; i < next; i++) {
      check(
        logitsIndices[i] === end - (next - i),
        OP,
        `logitsIndices[${i}] = ${logitsIndices[i]} is none of the last ${next - first} tokens of request ${r}, which end at ${end - 1}`,
      );
    }
    kept[r + 1] = next;
  }
  check(
    next === numLogitsIndices,
    OP,
    `logitsIndices[${next}] = ${logitsIndices[next]} must rise and stay below ${queryStartLoc[numReqs]}, the number of tokens`,
  );
  return common.replace({
    queryStartLoc: kept,
    numComputedTokens: seqLens.map((length, r) => length - (kept[r + 1] - kept[r])),
  });
}

/**
 * A strategy whose builder leaves those tokens out (vLLM `create_fast_prefill_custom_backend`); what it builds also is a
 * {@link KVSharingFastPrefillMetadata}.
 */
export function createFastPrefillCustomBackend(
  prefix: string,
  underlyingAttnBackend: typeof AttentionBackend,
): typeof AttentionBackend {
  const builder = subclassAttentionBuilder(
    prefix,
    underlyingAttnBackend.getBuilderCls(),
    makeKvSharingFastPrefillCommonAttnMetadata,
    (built, { logitsIndices, numLogitsIndices }) => {
      check(
        logitsIndices !== undefined && numLogitsIndices !== undefined,
        'createFastPrefillCustomBackend',
        'the batch needs logitsIndices: the tokens whose logits are wanted',
      );
      Object.assign(built, { logitsIndices, numLogitsIndices });
    },
  );
  return subclassAttentionBackend(prefix, underlyingAttnBackend, { builder });
}
