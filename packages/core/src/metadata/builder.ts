import { UnsupportedError } from '../errors.js';
import type { AttentionMetadata } from '../backends/metadata.js';
import type { VllmConfig } from '../config.js';
import type { AttentionKvCacheSpec, KvCacheSpec } from '../kv_cache/spec.js';
import { checkInt } from '../problem/checks.js';
import type { CascadeOptions } from './cascade.js';
import type { CommonAttentionMetadata } from './common_attention_metadata.js';

/**
 * Which batches a recorded command list may replay (vLLM `AttentionCGSupport`). Ordered: of several groups the least
 * counts.
 */
export const AttentionCGSupport = {
  /** Any mixture of prefills and decodes. */
  ALWAYS: 3,
  /** All query lengths equal. */
  UNIFORM_BATCH: 2,
  /** One token a request. */
  UNIFORM_SINGLE_TOKEN_DECODE: 1,
  NEVER: 0,
} as const;
export type AttentionCGSupport = (typeof AttentionCGSupport)[keyof typeof AttentionCGSupport];

/**
 * Turns {@link CommonAttentionMetadata} into a backend's own metadata, once a step for all layers of a KV cache group
 * (vLLM `AttentionMetadataBuilder`).
 */
export abstract class AttentionMetadataBuilder<M extends AttentionMetadata = AttentionMetadata> {
  static cudagraphSupport: AttentionCGSupport = AttentionCGSupport.NEVER;

  /** N: requests of at most N query tokens must come first in the batch. Null: any order. */
  reorderBatchThreshold: number | null = null;
  /** Whether {@link updateBlockTable} works. */
  readonly supportsUpdateBlockTable: boolean = false;

  /** @param device tfjs backend name; default the active one when metadata are used. */
  constructor(
    readonly kvCacheSpec: AttentionKvCacheSpec,
    readonly layerNames: readonly string[],
    readonly vllmConfig: VllmConfig,
    readonly device?: string,
  ) {}

  /** What {@link cudagraphSupport} is for a configuration. */
  static getCudagraphSupport(_vllmConfig: VllmConfig, _kvCacheSpec: KvCacheSpec) {
    return this.cudagraphSupport;
  }

  /**
   * @param commonPrefixLen keys that all requests share; > 0 asks for cascade attention
   * @param fastBuild prefer a cheap build to fast attention
   */
  abstract build(commonPrefixLen: number, common: CommonAttentionMetadata, fastBuild?: boolean): M;

  /** For a batch that is recorded, not computed. */
  buildForCudagraphCapture(common: CommonAttentionMetadata): M {
    return this.build(0, common);
  }

  /** For step `draftIndex` of a model that proposes tokens. */
  buildForDrafting(common: CommonAttentionMetadata, _draftIndex: number): M {
    return this.build(0, common, true);
  }

  /** The same step over another block table, for a group that differs in nothing else. */
  updateBlockTable(_metadata: M, _blockTable: Int32Array, _slotMapping: Int32Array): M {
    throw new UnsupportedError(`${this.constructor.name}.updateBlockTable`, [
      'this builder makes metadata anew for every block table; call build',
    ]);
  }

  /** Whether this step should share the work of a common prefix. Base: never. */
  useCascadeAttention(_options: CascadeOptions): boolean {
    return false;
  }

  /**
   * Sets {@link reorderBatchThreshold}; with speculative decoding, if the backend takes its several tokens as a decode,
   * to 1 + numSpeculativeTokens where that is more.
   */
  protected initReorderBatchThreshold(threshold = 1, supportsSpecAsDecode = false): void {
    checkInt(threshold, this.constructor.name, 'reorderBatchThreshold', 0);
    const { speculativeConfig } = this.vllmConfig;
    const specTokens = supportsSpecAsDecode ? (speculativeConfig?.numSpeculativeTokens ?? 0) : 0;
    this.reorderBatchThreshold = Math.max(threshold, specTokens === 0 ? 0 : 1 + specTokens);
  }
}
