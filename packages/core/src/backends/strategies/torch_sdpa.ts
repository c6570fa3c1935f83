import type { CommonAttentionMetadata } from '../../metadata/common_attention_metadata.js';
import { AttentionMetadataBuilder } from '../../metadata/builder.js';
import type { Implementation } from '../../problem/options.js';
import { AttentionBackend } from '../abstract.js';
import type { AttentionImplClass } from '../impl.js';
import { PagedAttentionImpl } from './paged_impl.js';
import { metadataOptions } from './paged_metadata.js';
import { splitCounts, SplitAttentionMetadata } from './split_metadata.js';

/** A step as TORCH_SDPA serves it, decodes and prefills counted (vLLM `TorchSDPAMetadata`). */
export class TorchSDPAMetadata extends SplitAttentionMetadata {}

export class TorchSDPAMetadataBuilderV1 extends AttentionMetadataBuilder<TorchSDPAMetadata> {
  override reorderBatchThreshold: number | null = 1;

  override build(_commonPrefixLen: number, common: CommonAttentionMetadata): TorchSDPAMetadata {
    return new TorchSDPAMetadata({
      ...metadataOptions(common),
      ...splitCounts(common, this.reorderBatchThreshold ?? 1),
    });
  }
}

/**
 * TORCH_SDPA: stock tfjs ops whatever is loaded, so it runs on every tfjs backend and has gradients. Every attention type,
 * eight head sizes, any block size, caches of 16 and 32 bits; no sinks, no KV sharing. Unlike vLLM's it applies the soft
 * cap, and a prefill sees the cache too, so chunked prefills are right. Returns a new tensor: `acceptOutputBuffer` is
 * false.
 */
export class TorchSDPABackend extends AttentionBackend {
  static override getName(): string {
    return 'TORCH_SDPA';
  }

  static override getImplCls(): AttentionImplClass {
    return TorchSDPABackendImpl;
  }

  static override getMetadataCls(): typeof TorchSDPAMetadata {
    return TorchSDPAMetadata;
  }

  static override getBuilderCls(): typeof TorchSDPAMetadataBuilderV1 {
    return TorchSDPAMetadataBuilderV1;
  }

  static override getKvCacheShape(
    numBlocks: number,
    blockSize: number,
    numKvHeads: number,
    headSize: number,
  ): number[] {
    return [2, numBlocks, blockSize * numKvHeads * headSize];
  }

  static override getSupportedHeadSizes(): readonly number[] {
    return [32, 64, 80, 96, 112, 128, 192, 256];
  }

  static override supportsAttnType(): boolean {
    return true;
  }

  static override supportsNonCausal(): boolean {
    return true;
  }

  static override supportsKvSharing(): boolean {
    return false;
  }
}

export class TorchSDPABackendImpl extends PagedAttentionImpl {
  protected override readonly implementation: Implementation = 'COMPOSED';

  protected override facts(): typeof AttentionBackend {
    return TorchSDPABackend;
  }
}
