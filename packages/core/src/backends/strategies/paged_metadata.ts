import type { AttentionMetadata } from '../metadata.js';
import type { CommonAttentionMetadata } from '../../metadata/common_attention_metadata.js';
import { AttentionMetadataBuilder } from '../../metadata/builder.js';
import { check } from '../../problem/checks.js';
import { AttentionPlan, type AttentionPlanOptions } from '../../utils/plan_attention.js';

/** What every strategy's metadata are made of: a plan's arrays, all sequences causal or none. */
export interface PagedMetadataOptions extends AttentionPlanOptions {
  causal?: boolean;
  /** Whether layers measure their scales in this step. Default false. */
  enableKvScalesCalculation?: boolean;
}

/** A plan under vLLM's names, and what follows from it; the base of every strategy's metadata. */
export class PagedAttentionMetadata extends AttentionPlan {
  readonly causal: boolean;
  readonly enableKvScalesCalculation: boolean;

  constructor(options: PagedMetadataOptions) {
    super(options);
    this.causal = options.causal ?? true;
    this.enableKvScalesCalculation = options.enableKvScalesCalculation ?? false;
  }

  /** T */
  get numActualTokens(): number {
    return this.numTokens;
  }

  /** `[B, M]` flat. */
  get blockTable(): Int32Array {
    return this.blockTables;
  }
}

/** The options of a step, padding left out. */
export function metadataOptions(common: CommonAttentionMetadata): PagedMetadataOptions {
  const { numReqs, numActualTokens, maxBlocksPerReq } = common;
  return {
    queryStartLoc: common.queryStartLoc.subarray(0, numReqs + 1),
    seqLens: common.seqLens.subarray(0, numReqs),
    blockTables: common.blockTable.subarray(0, numReqs * maxBlocksPerReq),
    slotMapping: common.slotMapping.subarray(0, numActualTokens),
    causal: common.causal,
    rswaPrefixLens: common.rswaPrefixLens?.subarray(0, numReqs),
    mmPrefixRanges: common.mmPrefixRanges?.slice(0, numReqs),
    enableKvScalesCalculation: common.enableKvScalesCalculation,
  };
}

/** Builds the plainest metadata: the step itself. */
export class PagedAttentionMetadataBuilder extends AttentionMetadataBuilder<PagedAttentionMetadata> {
  override build(
    _commonPrefixLen: number,
    common: CommonAttentionMetadata,
  ): PagedAttentionMetadata {
    return new PagedAttentionMetadata(metadataOptions(common));
  }
}

/** Whether a step is causal: metadata of a strategy say so, a bare plan leaves it to the layer's type. */
export function causalOf(metadata: AttentionMetadata, byType: boolean): boolean {
  return metadata instanceof PagedAttentionMetadata ? byType && metadata.causal : byType;
}

/** @throws InvalidArgumentError for a step that is not causal, where a strategy only knows causal ones. */
export function checkCausal(op: string, common: CommonAttentionMetadata): void {
  check(
    common.causal,
    op,
    'the metadata have causal = false, which this strategy does not serve (non-causal attention not supported); take ' +
      'FLASH_ATTN, TRITON_ATTN or FLEX_ATTENTION',
  );
}
