import { concat, slice, type Tensor } from '@tensorflow/tfjs-core';
import type { KvCache } from '../../kv_cache/kv_cache.js';
import { pagedAttention } from '../../ops/paged_attention.js';
import type { AttentionPlan } from '../../utils/plan_attention.js';
import { PagedAttentionImpl, type PlainOptions } from './paged_impl.js';
import { SplitAttentionMetadata } from './split_metadata.js';

/** Serves the decodes at the head of a batch by one call and the prefills behind them by another. */
export abstract class SplitAttentionImpl extends PagedAttentionImpl {
  protected override attend(query: Tensor, kvCache: KvCache, plan: AttentionPlan): Tensor {
    if (!(plan instanceof SplitAttentionMetadata)) return super.attend(query, kvCache, plan);
    const { decodeMetadata, prefillMetadata, numDecodeTokens, numPrefillTokens } = plan;
    const parts: Tensor[] = [];
    if (decodeMetadata !== null) {
      const decodes = slice(query, [0], [numDecodeTokens]);
      parts.push(
        pagedAttention(decodes, kvCache, decodeMetadata, this.decodeOptions(decodeMetadata, plan)),
      );
    }
    if (prefillMetadata !== null) {
      const prefills = slice(query, [numDecodeTokens], [numPrefillTokens]);
      parts.push(pagedAttention(prefills, kvCache, prefillMetadata, this.options(prefillMetadata)));
    }
    return parts.length === 1 ? parts[0] : concat(parts);
  }

  /** Options of the decodes alone. */
  protected decodeOptions(decodes: AttentionPlan, _step: SplitAttentionMetadata): PlainOptions {
    return this.options(decodes);
  }
}
