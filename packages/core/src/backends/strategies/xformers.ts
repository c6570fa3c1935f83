import type { CommonAttentionMetadata } from '../../metadata/common_attention_metadata.js';
import { AttentionMetadataBuilder } from '../../metadata/builder.js';
import { AttentionBackend } from '../abstract.js';
import type { AttentionImplClass } from '../impl.js';
import { MultipleOf, type BlockSize } from '../multiple_of.js';
import { checkCausal, metadataOptions } from './paged_metadata.js';
import { SplitAttentionImpl } from './split_impl.js';
import { splitCounts, SplitAttentionMetadata } from './split_metadata.js';

/** A step as XFORMERS serves it: decodes first, then prefills (vLLM `XFormersAttentionMetadata`). */
export class XFormersAttentionMetadata extends SplitAttentionMetadata {}

export class XFormersAttentionMetadataBuilder extends AttentionMetadataBuilder<XFormersAttentionMetadata> {
  override reorderBatchThreshold: number | null = 1;

  override build(
    _commonPrefixLen: number,
    common: CommonAttentionMetadata,
  ): XFormersAttentionMetadata {
    checkCausal('XFormersAttentionMetadataBuilder', common);
    return new XFormersAttentionMetadata({
      ...metadataOptions(common),
      ...splitCounts(common, this.reorderBatchThreshold ?? 1),
    });
  }
}

/**
 * XFORMERS: decodes by one call and prefills by another. Causal decoders only, head sizes 32 to 256 in steps of 8, blocks
 * of a multiple of 16, caches of 16 and 32 bits; no ALiBi, no sinks, no KV sharing. Window and soft cap hold in decode
 * too; vLLM's leaves them out there, which makes a token's output depend on the step that computed it.
 */
export class XFormersAttentionBackend extends AttentionBackend {
  static override readonly acceptOutputBuffer: boolean = true;

  static override getName(): string {
    return 'XFORMERS';
  }

  static override getImplCls(): AttentionImplClass {
    return XFormersAttentionImpl;
  }

  static override getMetadataCls(): typeof XFormersAttentionMetadata {
    return XFormersAttentionMetadata;
  }

  static override getBuilderCls(): typeof XFormersAttentionMetadataBuilder {
    return XFormersAttentionMetadataBuilder;
  }

  static override getSupportedHeadSizes(): readonly number[] {
    return Array.from({ length: 29 }, (_, i) => 32 + 8 * i);
  }

  static override headSizesText(): string {
    return 'it takes 32 to 256 in steps of 8';
  }

  static override getSupportedKernelBlockSize(): readonly BlockSize[] {
    return [new MultipleOf(16)];
  }

  static override supportsAlibi(): boolean {
    return false;
  }

  static override supportsKvSharing(): boolean {
    return false;
  }
}

export class XFormersAttentionImpl extends SplitAttentionImpl {
  protected override facts(): typeof AttentionBackend {
    return XFormersAttentionBackend;
  }
}
