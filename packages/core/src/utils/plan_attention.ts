import { AttentionMetadata } from '../backends/metadata.js';
import { DisposedError } from '../errors.js';
import { check, checkInt32Array } from '../problem/checks.js';
import { readCausalFlags, readMaskInts } from '../problem/mask_ints.js';
import { readOffsets } from '../problem/offsets.js';
import type { MmPrefixRanges } from '../problem/options.js';
import type { KvCacheLayout } from '../kv_cache/layout.js';
import { checkAgainstCache, checkBlockTables, checkLengths, checkSlots } from './plan_checks.js';

/** One step's batch: `[T]` packed query tokens of B sequences, prefill and decode mixed at will. */
export interface AttentionPlanOptions {
  /** `[B + 1]` prefix sums of query lengths: sequence b owns tokens queryStartLoc[b] to queryStartLoc[b + 1] - 1. */
  queryStartLoc: Int32Array;
  /** `[B]` keys of each sequence, this step's included. */
  seqLens: Int32Array;
  /** `[B, M]` flat, or B rows: key j of sequence b is in block blockTables[b][floor(j / C)]. Padding is never read. */
  blockTables: Int32Array | readonly (Int32Array | readonly number[])[];
  /** `[T]` slot (block * C + offset) that each new token is written to; -1 = not written. Needed for writing only. */
  slotMapping?: Int32Array;
  /** `[B]` position of each first query, or one for all; default seqLen - queryLen. */
  queryOffset?: number | Int32Array;
  /** Which sequences are causal `[B]`, or all or none; default all. A call with `causal: false` makes none of them so. */
  causal?: boolean | Uint8Array | readonly boolean[];
  /** `[B]` keys before this position escape the sliding window (vLLM R-SWA); default 0. */
  rswaPrefixLens?: Int32Array;
  /**
   * One list a sequence `[B]` of inclusive ranges `[first, last]` of positions inside which every query sees every key,
   * whatever causal rule, window and chunks say: a prompt's images (vLLM `mm_prefix`). Each list rises without overlap.
   */
  mmPrefixRanges?: MmPrefixRanges;
}

const OP = 'planAttention';

/** Something a backend derived from a plan, e.g. its ints on the device. */
export interface PlanResource {
  dispose(): void;
}

/**
 * A validated, packed batch: made once a step, read by every layer. Holds copies, so the arrays it was made of may be
 * reused. `dispose()` frees what backends uploaded for it.
 */
export class AttentionPlan extends AttentionMetadata {
  readonly numSeqs: number;
  readonly numTokens: number;
  readonly maxQueryLen: number;
  readonly maxSeqLen: number;
  readonly maxBlocksPerSeq: number;
  readonly queryStartLoc: Int32Array;
  readonly seqLens: Int32Array;
  readonly blockTables: Int32Array;
  readonly queryOffsets: Int32Array;
  readonly slotMapping?: Int32Array;
  /** `[B]` 0 = not causal; absent where all are. */
  readonly causalFlags?: Int32Array;
  /** `[B]`; absent where all are 0. */
  readonly rswaPrefixLens?: Int32Array;
  /** The ranges as kernels read them: `ATTENTION_OPERANDS.mmRanges`; absent where there are none. */
  readonly mmRanges?: Int32Array;
  private readonly resources = new Map<object, PlanResource>();
  private readonly checkedFor = new Set<string>();
  private disposed = false;

  /** Use {@link planAttention}. */
  constructor(metadata: AttentionPlanOptions) {
    super();
    const { queryStartLoc, seqLens, slotMapping, queryOffset, causal } = metadata;
    checkInt32Array(seqLens, OP, 'seqLens', undefined, '[B]');
    this.numSeqs = seqLens.length;
    check(this.numSeqs > 0, OP, 'the batch is empty: seqLens needs at least one sequence');
    checkInt32Array(queryStartLoc, OP, 'queryStartLoc', this.numSeqs + 1, '[B + 1]');
    check(
      queryStartLoc[0] === 0,
      OP,
      () =>
        `queryStartLoc[0] must be 0, got ${queryStartLoc[0]}: it is the prefix sum of query lengths`,
    );
    const { maxQueryLen, maxSeqLen } = checkLengths(OP, queryStartLoc, seqLens);
    this.numTokens = queryStartLoc[this.numSeqs];
    check(
      this.numTokens > 0,
      OP,
      'the batch has no query token: queryStartLoc must end with T >= 1',
    );
    this.maxQueryLen = maxQueryLen;
    this.maxSeqLen = maxSeqLen;
    const tables = checkBlockTables(OP, metadata.blockTables, this.numSeqs);
    this.blockTables = tables.flat;
    this.maxBlocksPerSeq = tables.width;
    if (slotMapping != null) {
      checkInt32Array(slotMapping, OP, 'slotMapping', this.numTokens, '[T]');
      checkSlots(OP, slotMapping);
      this.slotMapping = slotMapping.slice();
    }
    const maskInts = readMaskInts(OP, metadata, this.numSeqs);
    this.rswaPrefixLens = maskInts.rswaPrefixLens;
    this.mmRanges = maskInts.mmRanges;
    if (causal != null) this.causalFlags = readCausalFlags(OP, causal, this.numSeqs);
    this.queryStartLoc = queryStartLoc.slice();
    this.seqLens = seqLens.slice();
    this.queryOffsets = readOffsets(
      OP,
      queryOffset,
      this.seqLens,
      (b) => queryStartLoc[b + 1] - queryStartLoc[b],
    );
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  /** Throws unless every id and slot lies inside a cache of this layout; remembered, so layers after the first pay nothing. */
  checkFor(op: string, layout: KvCacheLayout): void {
    if (this.disposed) throw new DisposedError(`${op}: the plan is disposed; call planAttention`);
    const key = `${layout.blockSize} ${layout.numBlocks}`;
    if (this.checkedFor.has(key)) return;
    checkAgainstCache(op, this, layout);
    this.checkedFor.add(key);
  }

  /** What `owner` made of this plan: created at first use, disposed with the plan. */
  resource<T extends PlanResource>(owner: object, create: () => T): T {
    let found = this.resources.get(owner) as T | undefined;
    if (found === undefined) {
      found = create();
      this.resources.set(owner, found);
    }
    return found;
  }

  dispose(): void {
    this.resources.forEach((resource) => resource.dispose());
    this.resources.clear();
    this.disposed = true;
  }
}

/**
 * Validates one step's metadata and packs it (vLLM: `AttentionMetadataBuilder.build`).
 *
 * ```js
 * // Two sequences: 5 prompt tokens of a new one, 1 token of one that has 33 keys now. Blocks of 16 tokens.
 * const plan = planAttention({
 *   queryStartLoc: Int32Array.of(0, 5, 6),
 *   seqLens: Int32Array.of(5, 33),
 *   blockTables: [[7], [1, 2, 3]],
 *   slotMapping: Int32Array.of(112, 113, 114, 115, 116, 48),
 * });
 * ```
 *
 * @throws InvalidArgumentError for a Tensor, a wrong length, falling prefix sums, an empty batch, duplicate slots or
 *   ranges that overlap.
 */
export function planAttention(metadata: AttentionPlanOptions): AttentionPlan {
  check(metadata !== null && typeof metadata === 'object', OP, 'metadata must be an object');
  return new AttentionPlan(metadata);
}
