import { KV_CACHE_DTYPES } from '../../problem/params.js';
import type { Implementation } from '../../problem/options.js';
import { AttentionBackend } from '../abstract.js';
import { MLACommonImpl } from '../mla/impl.js';
import type { MLAAttentionImplClass } from '../mla_impl.js';
import type { AttentionImplClass, KvCacheDtypeName } from '../impl.js';
import { PagedAttentionImpl } from './paged_impl.js';
import { PagedAttentionMetadata, PagedAttentionMetadataBuilder } from './paged_metadata.js';

/** Facts that the two generic strategies share: whatever the ops can do, without a vLLM backend's constraints. */
abstract class GenericAttentionBackend extends AttentionBackend {
  static override getMetadataCls(): typeof PagedAttentionMetadata {
    return PagedAttentionMetadata;
  }

  static override getBuilderCls(): typeof PagedAttentionMetadataBuilder {
    return PagedAttentionMetadataBuilder;
  }

  static override getSupportedKvCacheDtypes(): readonly KvCacheDtypeName[] {
    return ['auto', 'fp8', ...KV_CACHE_DTYPES];
  }

  static override supportsAttnType(): boolean {
    return true;
  }

  /** Latents of any size. */
  static override supportsMla(): boolean {
    return true;
  }

  static override getMlaImplCls(): MLAAttentionImplClass {
    return MLACommonImpl;
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

  static override supportsPerHeadQuantScales(): boolean {
    return true;
  }
}

export class FusedAttentionImpl extends PagedAttentionImpl {
  protected override readonly implementation: Implementation = 'FUSED';

  protected override facts(): typeof AttentionBackend {
    return FusedAttentionBackend;
  }
}

export class ComposedAttentionImpl extends PagedAttentionImpl {
  protected override readonly implementation: Implementation = 'COMPOSED';

  protected override facts(): typeof AttentionBackend {
    return ComposedAttentionBackend;
  }
}

/** The fused kernels of the package that is attached to the active tfjs backend. */
export class FusedAttentionBackend extends GenericAttentionBackend {
  static override getName(): string {
    return 'FUSED';
  }

  static override getImplCls(): AttentionImplClass {
    return FusedAttentionImpl;
  }
}

/** Stock tfjs ops: runs on every tfjs backend, has gradients, is slow and holds scores in memory. */
export class ComposedAttentionBackend extends GenericAttentionBackend {
  static override getName(): string {
    return 'COMPOSED';
  }

  static override getImplCls(): AttentionImplClass {
    return ComposedAttentionImpl;
  }
}
