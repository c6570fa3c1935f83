import type { AttentionPlan } from '../../utils/plan_attention.js';
import { AttentionBackend } from '../abstract.js';
import type { AttentionImplClass } from '../impl.js';
import { MultipleOf, type BlockSize } from '../multiple_of.js';
import type { PlainOptions } from './paged_impl.js';
import { FLASH_HEAD_SIZES } from './shared_facts.js';
import { SplitAttentionImpl } from './split_impl.js';
import type { SplitAttentionMetadata } from './split_metadata.js';
import { TreeAttentionMetadata, TreeAttentionMetadataBuilder } from './tree_attn_metadata.js';

/**
 * TREE_ATTN: a decode may be a tree of proposed tokens, verified in one step: a token sees the context, the root and its
 * own ancestors, not its siblings. Prefills are plain causal attention. Causal decoders only, FLASH_ATTN's head sizes,
 * blocks of a multiple of 16, caches of 16 and 32 bits; no sinks.
 */
export class TreeAttentionBackend extends AttentionBackend {
  static override readonly acceptOutputBuffer: boolean = true;

  static override getName(): string {
    return 'TREE_ATTN';
  }

  static override getImplCls(): AttentionImplClass {
    return TreeAttentionImpl;
  }

  static override getMetadataCls(): typeof TreeAttentionMetadata {
    return TreeAttentionMetadata;
  }

  static override getBuilderCls(): typeof TreeAttentionMetadataBuilder {
    return TreeAttentionMetadataBuilder;
  }

  static override getSupportedHeadSizes(): readonly number[] {
    return FLASH_HEAD_SIZES;
  }

  static override getSupportedKernelBlockSize(): readonly BlockSize[] {
    return [new MultipleOf(16)];
  }
}

export class TreeAttentionImpl extends SplitAttentionImpl {
  protected override facts(): typeof AttentionBackend {
    return TreeAttentionBackend;
  }

  protected override decodeOptions(
    decodes: AttentionPlan,
    step: SplitAttentionMetadata,
  ): PlainOptions {
    const qqBias = step instanceof TreeAttentionMetadata ? step.qqBias() : null;
    return { ...this.options(decodes), ...(qqBias && { qqBias }) };
  }
}
