import {
  AttentionBackend,
  type AttentionMetadataBuilderClass,
  type AttentionMetadataClass,
} from '../abstract.js';
import type { MLAAttentionImplClass } from '../mla_impl.js';
import { MLACommonMetadataBuilder } from './builder.js';
import { MLACommonImpl } from './impl.js';
import { MLACommonMetadata } from './metadata.js';

/** Facts of the latent strategies (vLLM `MLACommonBackend`): one head of 576 lanes, whose first 512 are the value. */
export abstract class MLACommonBackend extends AttentionBackend {
  static override readonly acceptOutputBuffer: boolean = true;

  static override isMla(): boolean {
    return true;
  }

  static override getMlaImplCls(): MLAAttentionImplClass {
    return MLACommonImpl;
  }

  static override getMetadataCls(): AttentionMetadataClass {
    return MLACommonMetadata;
  }

  static override getBuilderCls(): AttentionMetadataBuilderClass {
    return MLACommonMetadataBuilder;
  }

  static override getSupportedHeadSizes(): readonly number[] {
    return [576];
  }

  static override getKvCacheShape(
    numBlocks: number,
    blockSize: number,
    _numKvHeads: number,
    headSize: number,
  ): number[] {
    return [numBlocks, blockSize, headSize];
  }

  static override supportsSlidingWindow(): boolean {
    return false;
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
}
