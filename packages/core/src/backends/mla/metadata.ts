import { check, checkInt } from '../../problem/checks.js';
import { PagedAttentionMetadata, type PagedMetadataOptions } from '../strategies/paged_metadata.js';
import { slicePlan } from '../strategies/slice_plan.js';
import { SplitAttentionMetadata, type SplitCounts } from '../strategies/split_metadata.js';
import { chunkContext, type ContextChunk } from './chunked_context.js';

/** The decodes of a step: they read latents where they lie. */
export class MLACommonDecodeMetadata extends PagedAttentionMetadata {
  /** `[B]` keys of all ranks; null: one rank has them all. */
  readonly dcpTotSeqLens: Int32Array | null = null;
}

/** The contexts of a step's prefills, in turns. */
export interface ChunkedContextMetadata {
  readonly chunks: readonly ContextChunk[];
  /** Tokens that a turn may hold. */
  readonly workspaceSize: number;
}

/** The prefills of a step: they expand latents to keys and values. */
export class MLACommonPrefillMetadata extends PagedAttentionMetadata {
  /** Null where no prefill has keys of earlier steps. */
  readonly chunkedContext: ChunkedContextMetadata | null;

  constructor(options: PagedMetadataOptions & { chunkedContext?: ChunkedContextMetadata | null }) {
    super(options);
    this.chunkedContext = options.chunkedContext ?? null;
  }

  /** `[B]` */
  get querySeqLens(): Int32Array {
    return this.seqLens.map((_, b) => this.queryStartLoc[b + 1] - this.queryStartLoc[b]);
  }
}

export interface MLACommonMetadataOptions extends PagedMetadataOptions, SplitCounts {
  /** L + R */
  headDim?: number | null;
  /** Latents of a turn over the context; default as many as there are. */
  workspaceSize?: number;
  /** Tokens of a block; with a workspace, whole blocks are cut. */
  blockSize?: number;
}

/**
 * A step of latent attention (vLLM `MLACommonMetadata`): decodes first, then prefills. Both are steps of their own, made
 * when they are first asked for.
 */
export class MLACommonMetadata extends SplitAttentionMetadata {
  readonly headDim: number | null;
  private readonly workspaceSize?: number;
  private readonly blockSize: number;
  private readonly own: { decode?: MLACommonDecodeMetadata; prefill?: MLACommonPrefillMetadata } =
    {};

  constructor(options: MLACommonMetadataOptions) {
    super(options);
    const { headDim = null, workspaceSize, blockSize = 1 } = options;
    if (headDim !== null) checkInt(headDim, 'MLACommonMetadata', 'headDim', 1);
    if (workspaceSize !== undefined) {
      checkInt(workspaceSize, 'MLACommonMetadata', 'workspaceSize', 1);
    }
    checkInt(blockSize, 'MLACommonMetadata', 'blockSize', 1);
    check(
      options.rswaPrefixLens === undefined && options.mmPrefixRanges === undefined,
      'MLACommonMetadata',
      'latent attention is causal or not, and knows neither rswaPrefixLens nor mmPrefixRanges',
    );
    this.headDim = headDim;
    this.workspaceSize = workspaceSize;
    this.blockSize = blockSize;
  }

  get numReqs(): number {
    return this.numSeqs;
  }

  /** Null where there are none. */
  get decode(): MLACommonDecodeMetadata | null {
    if (this.numDecodeTokens === 0) return null;
    return (this.own.decode ??= new MLACommonDecodeMetadata({
      ...slicePlan(this, 0, this.numDecodes),
      causal: this.causal,
    }));
  }

  /** Null where there are none. */
  get prefill(): MLACommonPrefillMetadata | null {
    if (this.numPrefillTokens === 0) return null;
    return (this.own.prefill ??= this.makePrefill());
  }

  private makePrefill(): MLACommonPrefillMetadata {
    const plan = slicePlan(this, this.numDecodes, this.numSeqs);
    const { queryStartLoc, seqLens } = plan;
    const contextLens = seqLens.map((keys, b) => keys - (queryStartLoc[b + 1] - queryStartLoc[b]));
    const total = contextLens.reduce((sum, length) => sum + length, 0);
    const whole = (total + contextLens.length * this.blockSize) * contextLens.length;
    const workspaceSize = this.workspaceSize ?? Math.max(whole, 1);
    const chunks = chunkContext(contextLens, workspaceSize, this.blockSize);
    return new MLACommonPrefillMetadata({
      ...plan,
      causal: this.causal,
      chunkedContext: chunks.length === 0 ? null : { chunks, workspaceSize },
    });
  }

  override dispose(): void {
    this.own.decode?.dispose();
    this.own.prefill?.dispose();
    super.dispose();
  }
}
