import type { VllmConfig } from '../../config.js';
import type { AttentionKvCacheSpec } from '../../kv_cache/spec.js';
import { AttentionCGSupport, AttentionMetadataBuilder } from '../../metadata/builder.js';
import type { CommonAttentionMetadata } from '../../metadata/common_attention_metadata.js';
import { checkInt } from '../../problem/checks.js';
import {
  metadataOptions,
  PagedAttentionMetadata,
  type PagedMetadataOptions,
} from '../strategies/paged_metadata.js';

/** A step of sparse latent attention (vLLM `FlashMLASparseMetadata`): every query token has keys of its own choice. */
export class FlashMLASparseMetadata extends PagedAttentionMetadata {
  /** `[T]` request of each token. */
  readonly reqIdPerToken: Int32Array;
  /** C */
  readonly blockSize: number;
  /** Most keys of a query. */
  readonly topkTokens: number;

  constructor(options: PagedMetadataOptions & { blockSize: number; topkTokens?: number }) {
    super(options);
    const { blockSize, topkTokens = 2048 } = options;
    checkInt(blockSize, 'FlashMLASparseMetadata', 'blockSize', 1);
    checkInt(topkTokens, 'FlashMLASparseMetadata', 'topkTokens', 1);
    this.blockSize = blockSize;
    this.topkTokens = topkTokens;
    this.reqIdPerToken = new Int32Array(this.numTokens);
    for (let b = 0; b < this.numSeqs; b++) {
      this.reqIdPerToken.fill(b, this.queryStartLoc[b], this.queryStartLoc[b + 1]);
    }
  }

  get numReqs(): number {
    return this.numSeqs;
  }
}

export class FlashMLASparseMetadataBuilder extends AttentionMetadataBuilder<FlashMLASparseMetadata> {
  static override cudagraphSupport: AttentionCGSupport = AttentionCGSupport.UNIFORM_BATCH;
  readonly topkTokens: number;

  constructor(
    kvCacheSpec: AttentionKvCacheSpec,
    layerNames: readonly string[],
    vllmConfig: VllmConfig,
    device?: string,
  ) {
    super(kvCacheSpec, layerNames, vllmConfig, device);
    const topk = vllmConfig.modelConfig.hfTextConfig?.index_topk ?? 2048;
    checkInt(topk, 'FlashMLASparseMetadataBuilder', 'hfTextConfig.index_topk', 1);
    this.topkTokens = topk;
  }

  override build(
    _commonPrefixLen: number,
    common: CommonAttentionMetadata,
  ): FlashMLASparseMetadata {
    const { blockSize } = this.kvCacheSpec;
    return new FlashMLASparseMetadata({
      ...metadataOptions(common),
      blockSize,
      topkTokens: this.topkTokens,
    });
  }
}
