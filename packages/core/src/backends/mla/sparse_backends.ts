import type { AttentionMetadataBuilderClass, AttentionMetadataClass } from '../abstract.js';
import { AttentionBackend } from '../abstract.js';
import type { KvCacheDtypeName } from '../impl.js';
import type { MLAAttentionImplClass } from '../mla_impl.js';
import type { BlockSize } from '../multiple_of.js';
import { MLACommonBackend } from './common_backend.js';
import {
  DeepseekV32IndexerMetadata,
  DeepseekV32IndexerMetadataBuilder,
} from './indexer_metadata.js';
import { FlashMLASparseImpl } from './sparse_impl.js';
import { FlashMLASparseMetadata, FlashMLASparseMetadataBuilder } from './sparse_metadata.js';

/** FLASHMLA_SPARSE: every query meets the keys that an indexer chose. Blocks of 64. */
export class FlashMLASparseBackend extends MLACommonBackend {
  static override getName(): string {
    return 'FLASHMLA_SPARSE';
  }

  static override isSparse(): boolean {
    return true;
  }

  static override getMlaImplCls(): MLAAttentionImplClass {
    return FlashMLASparseImpl;
  }

  static override getMetadataCls(): AttentionMetadataClass {
    return FlashMLASparseMetadata;
  }

  static override getBuilderCls(): AttentionMetadataBuilderClass {
    return FlashMLASparseMetadataBuilder;
  }

  static override getSupportedKernelBlockSize(): readonly BlockSize[] {
    return [64];
  }

  /** Under 'fp8_ds_mla' vLLM has 656 bytes a token. */
  static override getKvCacheShape(
    numBlocks: number,
    blockSize: number,
    _numKvHeads: number,
    headSize: number,
    cacheDtypeStr: KvCacheDtypeName | 'fp8_ds_mla' = 'auto',
  ): number[] {
    return [numBlocks, blockSize, cacheDtypeStr === 'fp8_ds_mla' ? 656 : headSize];
  }
}

/** The indexer of DeepSeek-V3.2: no attention, a cache of quantised index keys of its own. */
export class DeepseekV32IndexerBackend extends AttentionBackend {
  static override getName(): string {
    return 'DEEPSEEK_V32_INDEXER';
  }

  static override getMetadataCls(): AttentionMetadataClass {
    return DeepseekV32IndexerMetadata;
  }

  static override getBuilderCls(): AttentionMetadataBuilderClass {
    return DeepseekV32IndexerMetadataBuilder;
  }

  static override getSupportedHeadSizes(): readonly number[] {
    return [32, 64, 128];
  }

  static override getSupportedKernelBlockSize(): readonly BlockSize[] {
    return [64];
  }

  static override getKvCacheShape(
    numBlocks: number,
    blockSize: number,
    _numKvHeads: number,
    headSize: number,
  ): number[] {
    return [numBlocks, blockSize, headSize];
  }
}
