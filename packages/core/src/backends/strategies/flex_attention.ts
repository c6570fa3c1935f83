import { AttentionBackend } from '../abstract.js';
import type { AttentionImplClass } from '../impl.js';
import { AttentionType } from '../attention_type.js';
import { bidirectionalMaskMod, causalMaskMod } from '../mask_mods.js';
import type { AttentionPlan } from '../../utils/plan_attention.js';
import {
  FlexAttentionMetadata,
  FlexAttentionMetadataBuilder,
  PlanMask,
} from './flex_attention_metadata.js';
import { PagedAttentionImpl, type PlainOptions } from './paged_impl.js';

/**
 * FLEX_ATTENTION: which keys are visible is a function `maskMod(b, n, p, j)` of request, query head and absolute
 * positions, given to the builder or to the layer; it is evaluated on the host to a block mask, once a step for all layers,
 * T * S bytes. `causalMaskMod` and `bidirectionalMaskMod` cost nothing: they become the kernels' own rule. Decoders and
 * encoder-only models, any head and block size, caches of 16 and 32 bits; no ALiBi, soft cap, sinks or KV sharing. Score
 * functions are refused.
 */
export class FlexAttentionBackend extends AttentionBackend {
  static override readonly acceptOutputBuffer: boolean = true;

  static override getName(): string {
    return 'FLEX_ATTENTION';
  }

  static override getImplCls(): AttentionImplClass {
    return FlexAttentionImpl;
  }

  static override getMetadataCls(): typeof FlexAttentionMetadata {
    return FlexAttentionMetadata;
  }

  static override getBuilderCls(): typeof FlexAttentionMetadataBuilder {
    return FlexAttentionMetadataBuilder;
  }

  static override supportsAttnType(attnType: AttentionType): boolean {
    return attnType === AttentionType.DECODER || attnType === AttentionType.ENCODER_ONLY;
  }

  static override supportsSoftCap(): boolean {
    return false;
  }

  static override supportsAlibi(): boolean {
    return false;
  }

  static override supportsKvSharing(): boolean {
    return false;
  }

  static override supportsNonCausal(): boolean {
    return true;
  }

  static override supportsMmPrefix(): boolean {
    return true;
  }
}

export class FlexAttentionImpl extends PagedAttentionImpl {
  protected override facts(): typeof AttentionBackend {
    return FlexAttentionBackend;
  }

  protected override takesExtra(name: string): boolean {
    return name === 'maskMod' || super.takesExtra(name);
  }

  /** The layer's mask function comes before the step's. */
  protected override options(plan: AttentionPlan): PlainOptions {
    const plain = super.options(plan);
    const ofStep = plan instanceof FlexAttentionMetadata ? plan.logicalMaskMod : undefined;
    const maskMod = this.extra.maskMod ?? ofStep;
    if (maskMod === undefined) return plain;
    if (maskMod === causalMaskMod) return { ...plain, causal: true };
    if (maskMod === bidirectionalMaskMod) return { ...plain, causal: false };
    const mask = PlanMask.of(plan, maskMod, this.numHeads);
    const { slidingWindow, ...rest } = plain;
    const reach = slidingWindow === undefined ? Infinity : slidingWindow - 1;
    return {
      ...rest,
      causal: false,
      mask: mask.tensor,
      windowLeft: Math.min(mask.windowLeft, reach),
      windowRight: Math.min(mask.windowRight, reach),
    };
  }
}
