import type { VllmConfig } from '../../config.js';
import type { AttentionKvCacheSpec } from '../../kv_cache/spec.js';
import { AttentionCGSupport, AttentionMetadataBuilder } from '../../metadata/builder.js';
import type { CommonAttentionMetadata } from '../../metadata/common_attention_metadata.js';
import { splitPrefillChunks } from '../../metadata/prefill_chunks.js';
import { SplitAttentionMetadata, splitCounts } from '../strategies/split_metadata.js';
import { metadataOptions } from '../strategies/paged_metadata.js';
import { getMaxPrefillBufferSize, kvSpansFromBatches } from './indexer.js';

/** Prefills whose keys an indexer gathers in one turn. */
export interface DeepseekV32IndexerPrefillChunkMetadata {
  /** `[numReqs, M]` flat. */
  readonly blockTable: Int32Array;
  /** `[tokens]` first key of each token, and one past its last, among the keys of the turn. */
  readonly cuSeqlenKs: Int32Array;
  readonly cuSeqlenKe: Int32Array;
  /** `[numReqs + 1]` prefix sums of keys. */
  readonly cuSeqLens: Int32Array;
  readonly totalSeqLens: number;
  /** Tokens of the step that it covers. */
  readonly tokenStart: number;
  readonly tokenEnd: number;
  readonly numReqs: number;
}

export interface DeepseekV32IndexerPrefillMetadata {
  readonly chunks: readonly DeepseekV32IndexerPrefillChunkMetadata[];
}

export interface DeepSeekV32IndexerDecodeMetadata {
  /** `[numDecodes, M]` flat. */
  readonly blockTable: Int32Array;
  readonly seqLens: Int32Array;
  /** `[numDecodes]` tokens of each. */
  readonly decodeLens: Int32Array;
  /** Whether requests have different numbers of tokens. */
  readonly requiresPadding: boolean;
  /** Of hardware kernels; there is none here. */
  readonly scheduleMetadata: null;
}

/** A step as an indexer sees it (vLLM `DeepseekV32IndexerMetadata`). */
export class DeepseekV32IndexerMetadata extends SplitAttentionMetadata {
  readonly headDim: number;
  readonly decode: DeepSeekV32IndexerDecodeMetadata | null;
  readonly prefill: DeepseekV32IndexerPrefillMetadata | null;

  constructor(
    options: ConstructorParameters<typeof SplitAttentionMetadata>[0] & {
      headDim: number;
      decode?: DeepSeekV32IndexerDecodeMetadata | null;
      prefill?: DeepseekV32IndexerPrefillMetadata | null;
    },
  ) {
    super(options);
    this.headDim = options.headDim;
    this.decode = options.decode ?? null;
    this.prefill = options.prefill ?? null;
  }

  get numReqs(): number {
    return this.numSeqs;
  }
}

export class DeepseekV32IndexerMetadataBuilder extends AttentionMetadataBuilder<DeepseekV32IndexerMetadata> {
  static override cudagraphSupport: AttentionCGSupport =
    AttentionCGSupport.UNIFORM_SINGLE_TOKEN_DECODE;
  /** Keys of a turn over the prefills. */
  readonly maxPrefillBufferSize: number;

  constructor(
    kvCacheSpec: AttentionKvCacheSpec,
    layerNames: readonly string[],
    vllmConfig: VllmConfig,
    device?: string,
  ) {
    super(kvCacheSpec, layerNames, vllmConfig, device);
    this.maxPrefillBufferSize = getMaxPrefillBufferSize(vllmConfig);
    this.initReorderBatchThreshold(1, true);
  }

  /** Requests [start, end) of the step as one turn. */
  buildOnePrefillChunk(
    start: number,
    end: number,
    { queryStartLoc, seqLens, blockTable, maxBlocksPerReq }: CommonAttentionMetadata,
  ): DeepseekV32IndexerPrefillChunkMetadata {
    const lengths = seqLens.slice(start, end);
    const [cuSeqlenKs, cuSeqlenKe] = kvSpansFromBatches(
      queryStartLoc.slice(start, end + 1),
      lengths,
    );
    const cuSeqLens = new Int32Array(lengths.length + 1);
    lengths.forEach((length, b) => (cuSeqLens[b + 1] = cuSeqLens[b] + length));
    return {
      blockTable: blockTable.slice(start * maxBlocksPerReq, end * maxBlocksPerReq),
      cuSeqlenKs,
      cuSeqlenKe,
      cuSeqLens,
      totalSeqLens: cuSeqLens[lengths.length],
      tokenStart: queryStartLoc[start],
      tokenEnd: queryStartLoc[end],
      numReqs: end - start,
    };
  }

  override build(
    _commonPrefixLen: number,
    common: CommonAttentionMetadata,
  ): DeepseekV32IndexerMetadata {
    const counts = splitCounts(common, this.reorderBatchThreshold ?? 1);
    const { numDecodes, numPrefills } = counts;
    const { numReqs, seqLens, blockTable, maxBlocksPerReq } = common;
    const turns = splitPrefillChunks(seqLens.subarray(0, numReqs), this.maxPrefillBufferSize, numDecodes); // prettier-ignore
    const chunks = turns.map(([start, end]) => this.buildOnePrefillChunk(start, end, common));
    const decodeLens = common.queryLens().slice(0, numDecodes);
    return new DeepseekV32IndexerMetadata({
      ...metadataOptions(common),
      ...counts,
      headDim: this.kvCacheSpec.headSize,
      prefill: numPrefills === 0 ? null : { chunks },
      decode:
        numDecodes === 0
          ? null
          : {
              blockTable: blockTable.slice(0, numDecodes * maxBlocksPerReq),
              seqLens: seqLens.slice(0, numDecodes),
              decodeLens,
              requiresPadding: decodeLens.some((length) => length !== decodeLens[0]),
              scheduleMetadata: null,
            },
    });
  }
}
