import type { CommonAttentionMetadata } from '../../metadata/common_attention_metadata.js';
import { splitDecodesAndPrefills } from '../../metadata/split.js';
import { check, checkInt } from '../../problem/checks.js';
import { PagedAttentionMetadata, type PagedMetadataOptions } from './paged_metadata.js';
import { slicePlan } from './slice_plan.js';

/** How many requests and tokens at the head of a batch are decodes; the rest are prefills. */
export interface SplitCounts {
  numDecodes?: number;
  numDecodeTokens?: number;
  numPrefills?: number;
  numPrefillTokens?: number;
}

/** Metadata of a strategy that serves decodes and prefills apart. Decodes come first in the batch. */
export class SplitAttentionMetadata extends PagedAttentionMetadata {
  readonly numDecodes: number;
  readonly numDecodeTokens: number;
  readonly numPrefills: number;
  readonly numPrefillTokens: number;
  private parts: { decode?: PagedAttentionMetadata; prefill?: PagedAttentionMetadata } = {};

  constructor(options: PagedMetadataOptions & SplitCounts) {
    super(options);
    const { numDecodes = 0 } = options;
    checkInt(numDecodes, new.target.name, 'numDecodes', 0, this.numSeqs);
    this.numDecodes = numDecodes;
    this.numDecodeTokens = this.queryStartLoc[numDecodes];
    this.numPrefills = this.numSeqs - numDecodes;
    this.numPrefillTokens = this.numTokens - this.numDecodeTokens;
    for (const name of ['numDecodeTokens', 'numPrefills', 'numPrefillTokens'] as const) {
      const given = options[name];
      check(
        given === undefined || given === this[name],
        new.target.name,
        `${name} ${given} does not follow from queryStartLoc and numDecodes ${numDecodes}: it is ${this[name]}`,
      );
    }
  }

  /** The decodes as a step of their own; null where there are none. */
  get decodeMetadata(): PagedAttentionMetadata | null {
    if (this.numDecodeTokens === 0) return null;
    return (this.parts.decode ??= this.part(0, this.numDecodes));
  }

  /** The prefills as a step of their own; null where there are none. */
  get prefillMetadata(): PagedAttentionMetadata | null {
    if (this.numPrefillTokens === 0) return null;
    return (this.parts.prefill ??= this.part(this.numDecodes, this.numSeqs));
  }

  override dispose(): void {
    this.parts.decode?.dispose();
    this.parts.prefill?.dispose();
    this.parts = {};
    super.dispose();
  }

  private part(first: number, end: number): PagedAttentionMetadata {
    return new PagedAttentionMetadata(slicePlan(this, first, end));
  }
}

/** Splits a step whose decodes, requests of at most `threshold` tokens, come first. */
export function splitCounts(
  common: CommonAttentionMetadata,
  threshold: number,
  requireUniform = false,
): Required<SplitCounts> {
  const [numDecodes, numPrefills, numDecodeTokens, numPrefillTokens] = splitDecodesAndPrefills(
    common,
    threshold,
    requireUniform,
  );
  return { numDecodes, numPrefills, numDecodeTokens, numPrefillTokens };
}
