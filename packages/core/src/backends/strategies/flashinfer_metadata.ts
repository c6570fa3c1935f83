import { AttentionCGSupport, AttentionMetadataBuilder } from '../../metadata/builder.js';
import type { CommonAttentionMetadata } from '../../metadata/common_attention_metadata.js';
import {
  getPerLayerParameters,
  inferGlobalHyperparameters,
  type PerLayerParameters,
} from '../../metadata/per_layer_parameters.js';
import { check, checkInt } from '../../problem/checks.js';
import { checkCausal, metadataOptions, type PagedMetadataOptions } from './paged_metadata.js';
import { splitCounts, SplitAttentionMetadata, type SplitCounts } from './split_metadata.js';

/** What all layers of a plan must have in common. */
export type FlashInferPlanned = Pick<
  PerLayerParameters,
  'windowLeft' | 'logitsSoftCap' | 'smScale'
>;

export interface FlashInferMetadataOptions extends PagedMetadataOptions, SplitCounts {
  /** C */
  blockSize: number;
  /** Checked against every layer that runs; null (default) = not planned, not checked. */
  planned?: FlashInferPlanned | null;
}

const OP = 'FlashInferMetadata';

/**
 * A step as FLASHINFER plans it (vLLM `FlashInferMetadata`): decodes and prefills apart, pages as one ragged list.
 * `pagedKvIndptr` `[B + 1]`: request b owns entries indptr[b] to indptr[b + 1] - 1 of `pagedKvIndices`, the blocks it
 * uses; `pagedKvLastPageLen` `[B]`: tokens in the last of them.
 */
export class FlashInferMetadata extends SplitAttentionMetadata {
  /** As in vLLM: a plan here never cascades. */
  readonly useCascade = false;
  readonly planned: FlashInferPlanned | null;
  readonly pagedKvIndptr: Int32Array;
  readonly pagedKvIndices: Int32Array;
  readonly pagedKvLastPageLen: Int32Array;

  constructor(options: FlashInferMetadataOptions) {
    super(options);
    const { blockSize } = options;
    checkInt(blockSize, OP, 'blockSize', 1);
    this.planned = options.planned ?? null;
    const pages = this.seqLens.map((length) => Math.ceil(length / blockSize));
    this.pagedKvIndptr = new Int32Array(this.numSeqs + 1);
    pages.forEach((count, b) => (this.pagedKvIndptr[b + 1] = this.pagedKvIndptr[b] + count));
    this.pagedKvIndices = new Int32Array(this.pagedKvIndptr[this.numSeqs]);
    pages.forEach((count, b) => {
      const first = b * this.maxBlocksPerSeq;
      check(
        count <= this.maxBlocksPerSeq,
        OP,
        `seqLens[${b}] = ${this.seqLens[b]} needs ${count} pages of ${blockSize}, its block table has ${this.maxBlocksPerSeq}`,
      );
      this.pagedKvIndices.set(
        this.blockTables.subarray(first, first + count),
        this.pagedKvIndptr[b],
      );
    });
    this.pagedKvLastPageLen = this.seqLens.map((length) =>
      length === 0 ? 0 : ((length - 1) % blockSize) + 1,
    );
  }

  get maxQLen(): number {
    return this.maxQueryLen;
  }

  /** Longest query of the prefills; 0 without one. */
  get maxQLenPrefill(): number {
    return this.prefillMetadata?.maxQueryLen ?? 0;
  }
}

/**
 * Plans for all layers at once.
 *
 * @throws InvalidArgumentError where the layers differ in window, soft cap or scale: one plan cannot serve them.
 */
export class FlashInferMetadataBuilder extends AttentionMetadataBuilder<FlashInferMetadata> {
  static override cudagraphSupport: AttentionCGSupport =
    AttentionCGSupport.UNIFORM_SINGLE_TOKEN_DECODE;
  override reorderBatchThreshold: number | null = 1;
  readonly planned: FlashInferPlanned | null;

  constructor(...args: ConstructorParameters<typeof AttentionMetadataBuilder>) {
    super(...args);
    this.planned = this.plannedFor();
  }

  override build(_commonPrefixLen: number, common: CommonAttentionMetadata): FlashInferMetadata {
    checkCausal('FlashInferMetadataBuilder', common);
    return new FlashInferMetadata({
      ...metadataOptions(common),
      ...splitCounts(common, this.reorderBatchThreshold ?? 1, true),
      blockSize: this.kvCacheSpec.blockSize,
      planned: this.planned,
    });
  }

  private plannedFor(): FlashInferPlanned | null {
    if (this.vllmConfig.compilationConfig === undefined || this.layerNames.length === 0)
      return null;
    const parameters = getPerLayerParameters(this.vllmConfig, this.layerNames);
    const shared = inferGlobalHyperparameters(parameters);
    check(
      shared.hasSameAllParams === true,
      'FlashInferMetadataBuilder',
      'layers of one plan must share window, soft cap and scale; these differ: ' +
        Object.entries(parameters)
          .map(
            ([name, { windowLeft, logitsSoftCap, smScale }]) =>
              `${name} (${windowLeft}, ${logitsSoftCap}, ${smScale})`,
          )
          .join(', ') +
        '. Give each kind a builder of its own, or take FLASH_ATTN',
    );
    return shared;
  }
}
