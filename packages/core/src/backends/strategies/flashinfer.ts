import type { Tensor } from '@tensorflow/tfjs-core';
import { InvalidArgumentError } from '../../errors.js';
import { check } from '../../problem/checks.js';
import type { AttentionPlan } from '../../utils/plan_attention.js';
import { AttentionBackend } from '../abstract.js';
import type { AttentionImplClass, KvCacheDtypeName } from '../impl.js';
import type { BlockSize } from '../multiple_of.js';
import { FlashInferMetadata, FlashInferMetadataBuilder } from './flashinfer_metadata.js';
import { blockwiseCacheShape, layoutStrideOrder } from './shared_facts.js';
import { SplitAttentionImpl } from './split_impl.js';

/**
 * FLASHINFER: a step is planned once for all layers, decodes by one call and prefills by another; the layers must
 * therefore share window, soft cap and scale. Causal decoders only, head sizes 64, 128 and 256, blocks of 16, 32 or 64, fp8
 * caches of both kinds. ALiBi is refused (vLLM's drops the slopes without a word), sinks too.
 */
export class FlashInferBackend extends AttentionBackend {
  static override readonly acceptOutputBuffer: boolean = true;

  static override getName(): string {
    return 'FLASHINFER';
  }

  static override getImplCls(): AttentionImplClass {
    return FlashInferImpl;
  }

  static override getMetadataCls(): typeof FlashInferMetadata {
    return FlashInferMetadata;
  }

  static override getBuilderCls(): typeof FlashInferMetadataBuilder {
    return FlashInferMetadataBuilder;
  }

  static override getKvCacheShape = blockwiseCacheShape;

  static override getKvCacheStrideOrder = layoutStrideOrder;

  static override getSupportedHeadSizes(): readonly number[] {
    return [64, 128, 256];
  }

  static override getSupportedKernelBlockSize(): readonly BlockSize[] {
    return [16, 32, 64];
  }

  static override getSupportedKvCacheDtypes(): readonly KvCacheDtypeName[] {
    return [...super.getSupportedKvCacheDtypes(), 'fp8', 'fp8_e4m3', 'fp8_e5m2'];
  }

  static override supportsAlibi(): boolean {
    return false;
  }

  /** @throws InvalidArgumentError for any type but fp8. */
  static getFp8DtypeForFlashinfer(kvCacheDtype: string): 'fp8_e4m3' | 'fp8_e5m2' {
    if (kvCacheDtype === 'fp8' || kvCacheDtype === 'fp8_e4m3') return 'fp8_e4m3';
    if (kvCacheDtype === 'fp8_e5m2') return kvCacheDtype;
    throw new InvalidArgumentError(
      `getFp8DtypeForFlashinfer: '${kvCacheDtype}' is not one of fp8, fp8_e4m3, fp8_e5m2`,
    );
  }
}

export class FlashInferImpl extends SplitAttentionImpl {
  protected override facts(): typeof AttentionBackend {
    return FlashInferBackend;
  }

  protected override checkStep(op: string, query: Tensor, plan: AttentionPlan): void {
    super.checkStep(op, query, plan);
    const planned = plan instanceof FlashInferMetadata ? plan.planned : null;
    if (planned === null) return;
    for (const [name, mine, theirs] of [
      ['windowLeft', this.slidingWindow[0], planned.windowLeft],
      ['logitsSoftCap', this.logitsSoftCap, planned.logitsSoftCap ?? 0],
      ['smScale', this.scale, planned.smScale],
    ] as const) {
      check(
        mine === theirs,
        op,
        `this layer has ${name} ${mine}, the step was planned with ${theirs}: all layers of a plan must agree`,
      );
    }
  }
}
