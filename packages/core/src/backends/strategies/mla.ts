import { AttentionBackend } from '../abstract.js';
import type { KvCacheDtypeName } from '../impl.js';
import { MultipleOf, type BlockSize } from '../multiple_of.js';

/** Facts of the latent strategies: one head of 576 lanes, whose first 512 are the value. */
abstract class MLACommonBackend extends AttentionBackend {
  static override readonly acceptOutputBuffer: boolean = true;

  static override isMla(): boolean {
    return true;
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

  /** Their maths is not here yet; FUSED and COMPOSED attend to a latent cache as to any other. */
  static override supportsCombination(): string | null {
    return 'MLA arrives in a later version under this name; FUSED and COMPOSED serve latent caches';
  }
}

export class TritonMLABackend extends MLACommonBackend {
  static override getName(): string {
    return 'TRITON_MLA';
  }
}

export class FlashAttnMLABackend extends MLACommonBackend {
  static override getName(): string {
    return 'FLASH_ATTN_MLA';
  }
}

export class FlashInferMLABackend extends MLACommonBackend {
  static override getName(): string {
    return 'FLASHINFER_MLA';
  }

  static override getSupportedKernelBlockSize(): readonly BlockSize[] {
    return [32, new MultipleOf(64)];
  }

  static override getSupportedKvCacheDtypes(): readonly KvCacheDtypeName[] {
    return [...super.getSupportedKvCacheDtypes(), 'fp8', 'fp8_e4m3'];
  }
}

export class FlashMLASparseBackend extends MLACommonBackend {
  static override getName(): string {
    return 'FLASHMLA_SPARSE';
  }

  static override isSparse(): boolean {
    return true;
  }

  static override getSupportedKernelBlockSize(): readonly BlockSize[] {
    return [64];
  }
}
