import type { VllmConfig } from '../../config.js';
import type { AttentionKvCacheSpec } from '../../kv_cache/spec.js';
import { AttentionCGSupport, AttentionMetadataBuilder } from '../../metadata/builder.js';
import type { CommonAttentionMetadata } from '../../metadata/common_attention_metadata.js';
import { metadataOptions } from '../strategies/paged_metadata.js';
import { splitCounts } from '../strategies/split_metadata.js';
import { determineChunkedPrefillWorkspaceSize } from './chunked_context.js';
import { MLACommonMetadata } from './metadata.js';

/** Which lengths a strategy takes as decodes (vLLM `QueryLenSupport`). */
export const QueryLenSupport = {
  /** One token a request. */
  SINGLE_ONLY: 'single_only',
  /** As many a request, all alike. */
  UNIFORM: 'uniform',
  /** Any. */
  VARLEN: 'varlen',
} as const;
export type QueryLenSupport = (typeof QueryLenSupport)[keyof typeof QueryLenSupport];

/** Splits a step in decodes and prefills, and the contexts of prefills in turns (vLLM `MLACommonMetadataBuilder`). */
export class MLACommonMetadataBuilder extends AttentionMetadataBuilder<MLACommonMetadata> {
  static queryLenSupport: QueryLenSupport = QueryLenSupport.SINGLE_ONLY;
  /** Longest query that counts as a decode, where more than one token may. */
  static reorderBatchThreshold = 1;
  /** Latents of a turn over the context. */
  readonly chunkedPrefillWorkspaceSize: number;

  constructor(
    kvCacheSpec: AttentionKvCacheSpec,
    layerNames: readonly string[],
    vllmConfig: VllmConfig,
    device?: string,
  ) {
    super(kvCacheSpec, layerNames, vllmConfig, device);
    const { queryLenSupport, reorderBatchThreshold } = this.facts;
    this.chunkedPrefillWorkspaceSize = determineChunkedPrefillWorkspaceSize(vllmConfig);
    this.initReorderBatchThreshold(
      reorderBatchThreshold,
      queryLenSupport !== QueryLenSupport.SINGLE_ONLY,
    );
  }

  static determineChunkedPrefillWorkspaceSize(vllmConfig: VllmConfig): number {
    return determineChunkedPrefillWorkspaceSize(vllmConfig);
  }

  private get facts(): typeof MLACommonMetadataBuilder {
    return this.constructor as typeof MLACommonMetadataBuilder;
  }

  override build(_commonPrefixLen: number, common: CommonAttentionMetadata): MLACommonMetadata {
    const threshold = this.reorderBatchThreshold ?? 1;
    const uniform = this.facts.queryLenSupport === QueryLenSupport.UNIFORM;
    return new MLACommonMetadata({
      ...metadataOptions(common),
      ...splitCounts(common, threshold, uniform),
      headDim: this.kvCacheSpec.headSize,
      workspaceSize: this.chunkedPrefillWorkspaceSize,
      blockSize: this.kvCacheSpec.blockSize,
    });
  }

  /** Decodes alone can be recorded. */
  override buildForCudagraphCapture(common: CommonAttentionMetadata): MLACommonMetadata {
    return this.build(0, common);
  }
}

/** Every query counts as a decode of its request's length. */
export class VarlenMLAMetadataBuilder extends MLACommonMetadataBuilder {
  static override cudagraphSupport: AttentionCGSupport = AttentionCGSupport.UNIFORM_BATCH;
  static override queryLenSupport: QueryLenSupport = QueryLenSupport.VARLEN;
  static override reorderBatchThreshold = 512;
}
