import { AttentionCGSupport } from '../../metadata/builder.js';
import type { AttentionMetadataBuilderClass } from '../abstract.js';
import type { AttentionImplArgs, KvCacheDtypeName } from '../impl.js';
import type { MLAAttentionImplArgs, MLAAttentionImplClass } from '../mla_impl.js';
import { MultipleOf, type BlockSize } from '../multiple_of.js';
import { check } from '../../problem/checks.js';
import { MLACommonMetadataBuilder, QueryLenSupport, VarlenMLAMetadataBuilder } from './builder.js';
import { MLACommonBackend } from './common_backend.js';
import { MLACommonImpl } from './impl.js';

const WITH_FP8: readonly KvCacheDtypeName[] = ['auto', 'float32', 'float16', 'bfloat16', 'fp8', 'fp8_e4m3']; // prettier-ignore

export class TritonMLAImpl extends MLACommonImpl {}

/** TRITON_MLA: decodes of one token, blocks of any size, no 8-bit caches. */
export class TritonMLABackend extends MLACommonBackend {
  static override getName(): string {
    return 'TRITON_MLA';
  }

  static override getMlaImplCls(): MLAAttentionImplClass {
    return TritonMLAImpl;
  }
}

export class FlashAttnMLAImpl extends MLACommonImpl {}

export class FlashAttnMLAMetadataBuilder extends VarlenMLAMetadataBuilder {}

/** FLASH_ATTN_MLA: queries of up to 512 tokens, of any lengths, count as decodes. No 8-bit caches. */
export class FlashAttnMLABackend extends MLACommonBackend {
  static override getName(): string {
    return 'FLASH_ATTN_MLA';
  }

  static override getMlaImplCls(): MLAAttentionImplClass {
    return FlashAttnMLAImpl;
  }

  static override getBuilderCls(): AttentionMetadataBuilderClass {
    return FlashAttnMLAMetadataBuilder;
  }
}

export class FlashMLAImpl extends MLACommonImpl {}

/** Decodes are the leading requests of equal length, up to 512 tokens. */
export class FlashMLAMetadataBuilder extends MLACommonMetadataBuilder {
  static override cudagraphSupport: AttentionCGSupport = AttentionCGSupport.UNIFORM_BATCH;
  static override queryLenSupport: QueryLenSupport = QueryLenSupport.UNIFORM;
  static override reorderBatchThreshold = 512;
}

/** FLASHMLA: decodes of equal lengths, blocks of 64, e4m3 caches. */
export class FlashMLABackend extends MLACommonBackend {
  static override getName(): string {
    return 'FLASHMLA';
  }

  static override getMlaImplCls(): MLAAttentionImplClass {
    return FlashMLAImpl;
  }

  static override getBuilderCls(): AttentionMetadataBuilderClass {
    return FlashMLAMetadataBuilder;
  }

  static override getSupportedKernelBlockSize(): readonly BlockSize[] {
    return [64];
  }

  static override getSupportedKvCacheDtypes(): readonly KvCacheDtypeName[] {
    return WITH_FP8;
  }
}

/** Heads that {@link CutlassMLAImpl} takes at most. */
export const MAX_HEADS = 128;

export class CutlassMLAImpl extends MLACommonImpl {
  constructor(mla: MLAAttentionImplArgs, ...args: AttentionImplArgs) {
    super(mla, ...args);
    check(
      this.numHeads <= MAX_HEADS,
      'CutlassMLAImpl',
      `numHeads must be at most ${MAX_HEADS}, got ${this.numHeads}`,
    );
  }
}

export class CutlassMLAMetadataBuilder extends MLACommonMetadataBuilder {
  static override cudagraphSupport: AttentionCGSupport =
    AttentionCGSupport.UNIFORM_SINGLE_TOKEN_DECODE;
}

/** CUTLASS_MLA: decodes of one token, blocks of 128, at most 128 heads, e4m3 caches. */
export class CutlassMLABackend extends MLACommonBackend {
  static override getName(): string {
    return 'CUTLASS_MLA';
  }

  static override getMlaImplCls(): MLAAttentionImplClass {
    return CutlassMLAImpl;
  }

  static override getBuilderCls(): AttentionMetadataBuilderClass {
    return CutlassMLAMetadataBuilder;
  }

  static override getSupportedKernelBlockSize(): readonly BlockSize[] {
    return [128];
  }

  static override getSupportedKvCacheDtypes(): readonly KvCacheDtypeName[] {
    return WITH_FP8;
  }
}

export class FlashInferMLAImpl extends MLACommonImpl {
  /** vLLM's kernel gives none, so ranks cannot merge under this name. */
  override readonly canReturnLseForDecode: boolean = false;
}

export class FlashInferMLAMetadataBuilder extends MLACommonMetadataBuilder {
  static override cudagraphSupport: AttentionCGSupport = AttentionCGSupport.UNIFORM_BATCH;
  static override queryLenSupport: QueryLenSupport = QueryLenSupport.UNIFORM;
}

/** FLASHINFER_MLA: decodes of equal lengths, blocks of 32 or a multiple of 64, e4m3 caches. */
export class FlashInferMLABackend extends MLACommonBackend {
  static override getName(): string {
    return 'FLASHINFER_MLA';
  }

  static override getMlaImplCls(): MLAAttentionImplClass {
    return FlashInferMLAImpl;
  }

  static override getBuilderCls(): AttentionMetadataBuilderClass {
    return FlashInferMLAMetadataBuilder;
  }

  static override getSupportedKernelBlockSize(): readonly BlockSize[] {
    return [32, new MultipleOf(64)];
  }

  static override getSupportedKvCacheDtypes(): readonly KvCacheDtypeName[] {
    return WITH_FP8;
  }
}
