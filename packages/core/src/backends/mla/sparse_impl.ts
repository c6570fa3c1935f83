import type { Tensor } from '@tensorflow/tfjs-core';
import { InvalidArgumentError } from '../../errors.js';
import type { KvCache } from '../../kv_cache/kv_cache.js';
import { tritonConvertReqIndexToGlobalIndex } from '../../ops/global_index.js';
import { planSlots, slotAttention } from '../../ops/slot_attention.js';
import { check } from '../../problem/checks.js';
import type { AttentionPlan } from '../../utils/plan_attention.js';
import type { AttentionImplArgs } from '../impl.js';
import type { MLAAttentionImplArgs, TopkIndexer } from '../mla_impl.js';
import { MLACommonImpl } from './impl.js';
import { FlashMLASparseMetadata } from './sparse_metadata.js';

/**
 * Sparse latent attention (DeepSeek-V3.2, 2025; vLLM `FlashMLASparseImpl`): every query token, of prefills too, meets the
 * keys that the layer's indexer chose, absorbed.
 */
export class FlashMLASparseImpl extends MLACommonImpl {
  private readonly indexer: TopkIndexer;

  constructor(mla: MLAAttentionImplArgs, ...args: AttentionImplArgs) {
    super(mla, ...args);
    const { indexer } = mla;
    if (indexer == null) {
      throw new InvalidArgumentError(
        `${new.target.name}: sparse attention needs an indexer with topkTokens and topkIndicesBuffer`,
      );
    }
    this.indexer = indexer;
  }

  protected override attend(
    query: Tensor,
    _latent: Tensor,
    _rope: Tensor,
    kvCache: KvCache,
    plan: AttentionPlan,
  ): Tensor {
    const op = `${this.constructor.name}.forward`;
    check(
      plan instanceof FlashMLASparseMetadata,
      op,
      'attnMetadata must come from the builder of FLASHMLA_SPARSE',
    );
    const { topkTokens } = this.indexer;
    plan.checkFor(op, kvCache.layout);
    const chosen = planSlots(this.slotsOf(op, plan), topkTokens, kvCache.numSlots);
    try {
      const sums = slotAttention(this.latentQuery(query), kvCache, chosen, {
        softmaxScale: this.scale,
        implementation: this.mla.implementation,
      });
      return this.projections.vUpProj(sums);
    } finally {
      chosen.dispose();
    }
  }

  /** `[T, topkTokens]` slots; keys after the query itself are no choice. */
  private slotsOf(op: string, plan: FlashMLASparseMetadata): Int32Array {
    const { topkTokens, topkIndicesBuffer } = this.indexer;
    const { numTokens, reqIdPerToken, queryStartLoc, queryOffsets, blockSize } = plan;
    check(
      topkIndicesBuffer instanceof Int32Array && topkIndicesBuffer.length >= numTokens * topkTokens,
      op,
      () =>
        `the indexer's topkIndicesBuffer has ${topkIndicesBuffer?.length} entries, this step needs [T, topkTokens] = ` +
        `[${numTokens}, ${topkTokens}]`,
    );
    const indices = topkIndicesBuffer.subarray(0, numTokens * topkTokens);
    for (let i = 0; i < indices.length; i++) {
      const token = Math.floor(i / topkTokens);
      const request = reqIdPerToken[token];
      const position = queryOffsets[request] + token - queryStartLoc[request];
      check(
        indices[i] <= position,
        op,
        () =>
          `topkIndicesBuffer[${token}, ${i % topkTokens}] = ${indices[i]} lies after its query's position ${position}`,
      );
    }
    const { blockTable, maxBlocksPerSeq: width, numSeqs } = plan;
    const tables = Array.from({ length: numSeqs }, (_, b) => blockTable.subarray(b * width, (b + 1) * width)); // prettier-ignore
    return tritonConvertReqIndexToGlobalIndex(reqIdPerToken, tables, indices, {
      blockSize,
      numTopkTokens: topkTokens,
    });
  }
}
