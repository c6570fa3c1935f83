import type { Tensor } from '@tensorflow/tfjs-core';
import { InvalidArgumentError } from '../../errors.js';
import type { KvCache } from '../../kv_cache/kv_cache.js';
import type { AttentionPlan } from '../../utils/plan_attention.js';
import { flashAttnSupportsFp8, flashAttnSupportsSinks } from '../../utils/fa_utils.js';
import { AttentionBackend } from '../abstract.js';
import type { AttentionImplClass, KvCacheDtypeName } from '../impl.js';
import { MultipleOf, type BlockSize } from '../multiple_of.js';
import { cascadeAttention } from './cascade_attention.js';
import { FlashAttentionMetadata, FlashAttentionMetadataBuilder } from './flash_attn_metadata.js';
import { PagedAttentionImpl } from './paged_impl.js';
import { FLASH_HEAD_SIZES, layoutStrideOrder } from './shared_facts.js';

/**
 * FLASH_ATTN: every attention type, and cascade attention, which reads a prefix that the whole batch shares once instead
 * of once a request. Head sizes 32 to 256 of vLLM's list, blocks of a multiple of 16. No sinks and no 8-bit caches: vLLM
 * has them with FlashAttention-3 alone, and the algorithm here is FlashAttention-2's.
 */
export class FlashAttentionBackend extends AttentionBackend {
  static override readonly acceptOutputBuffer: boolean = true;

  static override getName(): string {
    return 'FLASH_ATTN';
  }

  static override getImplCls(): AttentionImplClass {
    return FlashAttentionImpl;
  }

  static override getMetadataCls(): typeof FlashAttentionMetadata {
    return FlashAttentionMetadata;
  }

  static override getBuilderCls(): typeof FlashAttentionMetadataBuilder {
    return FlashAttentionMetadataBuilder;
  }

  static override getKvCacheStrideOrder = layoutStrideOrder;

  static override getSupportedHeadSizes(): readonly number[] {
    return FLASH_HEAD_SIZES;
  }

  static override getSupportedKernelBlockSize(): readonly BlockSize[] {
    return [new MultipleOf(16)];
  }

  static override getSupportedKvCacheDtypes(): readonly KvCacheDtypeName[] {
    const plain = super.getSupportedKvCacheDtypes();
    return flashAttnSupportsFp8() ? [...plain, 'fp8', 'fp8_e4m3'] : plain;
  }

  static override supportsAttnType(): boolean {
    return true;
  }

  static override supportsSink(): boolean {
    return flashAttnSupportsSinks();
  }

  static override supportsNonCausal(): boolean {
    return true;
  }

  /** @throws InvalidArgumentError for any type but 'fp8' and 'fp8_e4m3'. */
  static getFp8DtypeForFlashattn(kvCacheDtype: string): 'fp8_e4m3' {
    if (kvCacheDtype === 'fp8' || kvCacheDtype === 'fp8_e4m3') return 'fp8_e4m3';
    throw new InvalidArgumentError(
      `getFp8DtypeForFlashattn: '${kvCacheDtype}' is not one of fp8, fp8_e4m3`,
    );
  }
}

export class FlashAttentionImpl extends PagedAttentionImpl {
  protected override facts(): typeof AttentionBackend {
    return FlashAttentionBackend;
  }

  protected override attend(query: Tensor, kvCache: KvCache, plan: AttentionPlan): Tensor {
    return plan instanceof FlashAttentionMetadata && plan.useCascade
      ? cascadeAttention(query, kvCache, plan, this.options(plan))
      : super.attend(query, kvCache, plan);
  }
}
