import { AttentionCGSupport, AttentionMetadataBuilder } from '../../metadata/builder.js';
import type { CommonAttentionMetadata } from '../../metadata/common_attention_metadata.js';
import { AttentionBackend } from '../abstract.js';
import type { AttentionImplClass, KvCacheDtypeName } from '../impl.js';
import { MultipleOf, type BlockSize } from '../multiple_of.js';
import { PagedAttentionImpl } from './paged_impl.js';
import { metadataOptions, PagedAttentionMetadata } from './paged_metadata.js';
import { blockwiseCacheShape } from './shared_facts.js';

/** A step as TRITON_ATTN serves it: the plan itself (vLLM `TritonAttentionMetadata`). */
export class TritonAttentionMetadata extends PagedAttentionMetadata {}

export class TritonAttentionMetadataBuilder extends AttentionMetadataBuilder<TritonAttentionMetadata> {
  static override cudagraphSupport: AttentionCGSupport = AttentionCGSupport.ALWAYS;

  override build(
    _commonPrefixLen: number,
    common: CommonAttentionMetadata,
  ): TritonAttentionMetadata {
    return new TritonAttentionMetadata(metadataOptions(common));
  }

  /** One key a request: what is recorded costs the least, and replays set the lengths. */
  override buildForCudagraphCapture(common: CommonAttentionMetadata): TritonAttentionMetadata {
    return this.build(0, common.replace({ seqLens: new Int32Array(common.batchSize()).fill(1) }));
  }
}

/**
 * TRITON_ATTN: one call for a batch of prefills and decodes mixed at will; the strategy for sinks and for fp8 and
 * per-token-head caches. Decoders only. Head sizes from 32, blocks of a multiple of 16.
 */
export class TritonAttentionBackend extends AttentionBackend {
  static override readonly acceptOutputBuffer: boolean = true;

  static override getName(): string {
    return 'TRITON_ATTN';
  }

  static override getImplCls(): AttentionImplClass {
    return TritonAttentionImpl;
  }

  static override getMetadataCls(): typeof TritonAttentionMetadata {
    return TritonAttentionMetadata;
  }

  static override getBuilderCls(): typeof TritonAttentionMetadataBuilder {
    return TritonAttentionMetadataBuilder;
  }

  static override getKvCacheShape = blockwiseCacheShape;

  static override supportsHeadSize(headSize: number): boolean {
    return headSize >= 32;
  }

  static override headSizesText(): string {
    return 'it takes 32 and more';
  }

  static override getSupportedKernelBlockSize(): readonly BlockSize[] {
    return [new MultipleOf(16)];
  }

  static override getSupportedKvCacheDtypes(): readonly KvCacheDtypeName[] {
    const tokenScaled = [
      'int8_per_token_head',
      'fp8_per_token_head',
      'int4_per_token_head',
    ] as const;
    const quantized = ['fp8', 'fp8_e4m3', ...tokenScaled] as const;
    return [...super.getSupportedKvCacheDtypes(), ...quantized];
  }

  static override supportsSink(): boolean {
    return true;
  }

  static override supportsNonCausal(): boolean {
    return true;
  }

  static override supportsMmPrefix(): boolean {
    return true;
  }
}

export class TritonAttentionImpl extends PagedAttentionImpl {
  protected override facts(): typeof AttentionBackend {
    return TritonAttentionBackend;
  }
}
