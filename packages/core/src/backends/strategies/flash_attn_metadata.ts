import { AttentionCGSupport, AttentionMetadataBuilder } from '../../metadata/builder.js';
import { useCascadeAttention, type CascadeOptions } from '../../metadata/cascade.js';
import type { CommonAttentionMetadata } from '../../metadata/common_attention_metadata.js';
import { getDcpLocalSeqLens } from '../../metadata/dcp.js';
import { check, checkInt } from '../../problem/checks.js';
import { AttentionPlan } from '../../utils/plan_attention.js';
import {
  metadataOptions,
  PagedAttentionMetadata,
  type PagedMetadataOptions,
} from './paged_metadata.js';

export interface FlashMetadataOptions extends PagedMetadataOptions {
  /** Keys that all requests share, a multiple of `blockSize`; 0 (default) = no cascade. */
  commonPrefixLen?: number;
  /** C; needed with a common prefix. */
  blockSize?: number;
  /** Members that positions are dealt to, `interleave` (default 1) in turn, and which this is; default: one has all. */
  dcp?: { worldSize: number; rank: number; interleave?: number };
}

/** The two halves of a cascade. */
export interface CascadePlans {
  /** All T queries as one sequence over the first request's prefix blocks. */
  prefix: AttentionPlan;
  /** Each request over what follows. */
  suffix: AttentionPlan;
}

const OP = 'FlashAttentionMetadata';

/**
 * A step as FLASH_ATTN serves it (vLLM `FlashAttentionMetadata`). With `commonPrefixLen` the prefix is attended once for
 * the whole batch: `cuPrefixQueryLens` `[0, T]`, `prefixKvLens` `[prefix]`, `suffixKvLens` `[B]`.
 *
 * @throws InvalidArgumentError for a prefix that is no multiple of the block size, that some request does not have behind
 *   it or has in other blocks, in a step that is not causal, or with windows' prefixes or ranges.
 */
export class FlashAttentionMetadata extends PagedAttentionMetadata {
  readonly commonPrefixLen: number;
  readonly cuPrefixQueryLens: Int32Array | null;
  readonly prefixKvLens: Int32Array | null;
  readonly suffixKvLens: Int32Array | null;
  /** `[B]` keys before the step that this member has; null where it has all. */
  readonly dcpContextKvLens: Int32Array | null;
  readonly maxDcpContextKvLen: number | null;
  private readonly blockSize: number;
  private plans: CascadePlans | null = null;

  constructor(options: FlashMetadataOptions) {
    super(options);
    const { commonPrefixLen = 0, blockSize = 1, dcp } = options;
    checkInt(commonPrefixLen, OP, 'commonPrefixLen', 0);
    this.commonPrefixLen = commonPrefixLen;
    this.blockSize = blockSize;
    if (commonPrefixLen > 0) this.checkPrefix(options.blockSize);
    this.cuPrefixQueryLens = this.useCascade ? Int32Array.of(0, this.numTokens) : null;
    this.prefixKvLens = this.useCascade ? Int32Array.of(commonPrefixLen) : null;
    this.suffixKvLens = this.useCascade
      ? this.seqLens.map((length) => length - commonPrefixLen)
      : null;
    this.dcpContextKvLens = dcp !== undefined && dcp.worldSize > 1 ? this.contextOf(dcp) : null;
    this.maxDcpContextKvLen = this.dcpContextKvLens && Math.max(...this.dcpContextKvLens);
  }

  get useCascade(): boolean {
    return this.commonPrefixLen > 0;
  }

  /** Plans of the two halves, made at first use. */
  get cascade(): CascadePlans | null {
    const { suffixKvLens, prefixKvLens, cuPrefixQueryLens, maxBlocksPerSeq: width } = this;
    if (suffixKvLens === null || prefixKvLens === null || cuPrefixQueryLens === null) return null;
    const blocks = this.commonPrefixLen / this.blockSize;
    const rest = Array.from({ length: this.numSeqs }, (_, b) =>
      this.blockTables.subarray(b * width + blocks, (b + 1) * width),
    );
    return (this.plans ??= {
      prefix: new AttentionPlan({
        queryStartLoc: cuPrefixQueryLens,
        seqLens: prefixKvLens,
        blockTables: this.blockTables.subarray(0, blocks),
      }),
      suffix: new AttentionPlan({
        queryStartLoc: this.queryStartLoc,
        seqLens: suffixKvLens,
        blockTables: rest,
      }),
    });
  }

  override dispose(): void {
    this.plans?.prefix.dispose();
    this.plans?.suffix.dispose();
    this.plans = null;
    super.dispose();
  }

  private contextOf(dcp: NonNullable<FlashMetadataOptions['dcp']>): Int32Array {
    const { seqLens, queryStartLoc } = this;
    const context = seqLens.map((length, b) => length - queryStartLoc[b + 1] + queryStartLoc[b]);
    return getDcpLocalSeqLens(context, dcp.worldSize, dcp.rank, dcp.interleave);
  }

  private checkPrefix(blockSize: number | undefined): void {
    const prefix = this.commonPrefixLen;
    checkInt(blockSize, OP, 'blockSize', 1);
    check(
      prefix % blockSize === 0,
      OP,
      `commonPrefixLen ${prefix} must be a multiple of the block size ${blockSize}: only whole blocks are shared`,
    );
    check(this.causal, OP, 'a cascade needs a causal step');
    check(
      this.rswaPrefixLens === undefined && this.mmRanges === undefined,
      OP,
      'a cascade knows no window and no ranges: build with commonPrefixLen 0',
    );
    const { blockTables, maxBlocksPerSeq: width } = this;
    const shared = blockTables.subarray(0, prefix / blockSize);
    this.seqLens.forEach((length, b) => {
      const computed = length - (this.queryStartLoc[b + 1] - this.queryStartLoc[b]);
      check(
        computed >= prefix,
        OP,
        `request ${b} had ${computed} keys before this step, fewer than commonPrefixLen ${prefix}`,
      );
      const other = shared.findIndex((block, i) => blockTables[b * width + i] !== block);
      check(
        other < 0,
        OP,
        `request ${b} has block ${blockTables[b * width + other]} at ${other}, request 0 has ${shared[other]}: a common prefix is in the same blocks`,
      );
    });
  }
}

/** Builds FLASH_ATTN's metadata; `commonPrefixLen` > 0 makes them a cascade. */
export class FlashAttentionMetadataBuilder extends AttentionMetadataBuilder<FlashAttentionMetadata> {
  static override cudagraphSupport: AttentionCGSupport = AttentionCGSupport.UNIFORM_BATCH;

  override build(commonPrefixLen: number, common: CommonAttentionMetadata): FlashAttentionMetadata {
    return new FlashAttentionMetadata({
      ...metadataOptions(common),
      commonPrefixLen,
      blockSize: this.kvCacheSpec.blockSize,
      dcp: this.share(),
    });
  }

  private share(): FlashMetadataOptions['dcp'] {
    const { parallelConfig = {} } = this.vllmConfig;
    const { decodeContextParallelSize: worldSize = 1, decodeContextParallelRank: rank = 0 } =
      parallelConfig;
    return { worldSize, rank, interleave: parallelConfig.cpKvCacheInterleaveSize };
  }

  override useCascadeAttention(options: CascadeOptions): boolean {
    return useCascadeAttention(options);
  }
}
