/** Sequences of a batch as vLLM's tests write them: new tokens, and all tokens. */
export type Lengths = readonly (readonly [queryLen: number, seqLen: number])[];

export interface Batch {
  readonly queryLens: readonly number[];
  readonly seqLens: readonly number[];
}

export function batchOf(lengths: Lengths): Batch {
  return {
    queryLens: lengths.map(([queryLen]) => queryLen),
    seqLens: lengths.map(([, seqLen]) => seqLen),
  };
}

/** A length `by` times shorter; `keep` tokens and fewer stay, and no more become fewer. */
export function shrinkLength(length: number, by: number, keep = 0): number {
  return length <= keep ? length : Math.max(keep, Math.ceil(length / by));
}

/** Shorter sequences of the same kind, since the oracle's work grows with the square of a length. */
export function shrink(lengths: Lengths, by: number, keep = 0): Lengths {
  return lengths.map(([queryLen, seqLen]) => [
    shrinkLength(queryLen, by, keep),
    shrinkLength(seqLen, by, keep),
  ]);
}
