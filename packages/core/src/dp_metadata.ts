import { check, checkInt, checkInt32Array } from './problem/checks.js';

const OP = 'DPMetadata';

/**
 * How many tokens every data-parallel rank has in this step (vLLM `DPMetadata`). Host integers only: who runs the ranks,
 * workers or machines, exchanges them.
 */
export class DPMetadata {
  readonly maxTokensAcrossDp: number;
  /** See {@link getChunkSizesAcrossDpRank}. */
  localSizes: readonly number[] | null = null;

  /** @param numTokensAcrossDp `[ranks]` */
  constructor(readonly numTokensAcrossDp: Int32Array) {
    checkInt32Array(numTokensAcrossDp, OP, 'numTokensAcrossDp', undefined, '[ranks]');
    check(numTokensAcrossDp.length > 0, OP, 'numTokensAcrossDp needs at least one rank');
    numTokensAcrossDp.forEach((tokens, rank) => checkInt(tokens, OP, `tokens of rank ${rank}`, 0));
    this.maxTokensAcrossDp = Math.max(...numTokensAcrossDp);
  }

  /** Checks that this rank's own number is among them (vLLM `DPMetadata.make`). */
  static make(rank: number, numTokens: number, numTokensAcrossDp: Int32Array): DPMetadata {
    const made = new DPMetadata(numTokensAcrossDp);
    check(
      numTokensAcrossDp[rank] === numTokens,
      OP,
      `rank ${rank} has ${numTokens} tokens, numTokensAcrossDp says ${numTokensAcrossDp[rank]}`,
    );
    return made;
  }

  /**
   * Runs `fn` with the sizes of one chunk of at most `maxChunkSizePerRank` tokens: every rank takes part in every chunk
   * with at least one token.
   */
  chunkedSizes<T>(
    sequenceParallelSize: number,
    maxChunkSizePerRank: number,
    chunkIndex: number,
    fn: () => T,
  ): T {
    const sizes = computeChunkedLocalNumTokens(
      this.numTokensAcrossDp,
      sequenceParallelSize,
      maxChunkSizePerRank,
      chunkIndex,
    );
    return this.withSizes(sizes, fn);
  }

  /** Runs `fn` with the tokens of every rank, each rank's dealt evenly to `sequenceParallelSize` ranks. */
  spLocalSizes<T>(sequenceParallelSize: number, fn: () => T): T {
    return this.withSizes(computeSpNumTokens(this.numTokensAcrossDp, sequenceParallelSize), fn);
  }

  /** Sizes of the scope that runs, or null outside one. */
  getChunkSizesAcrossDpRank(): readonly number[] | null {
    return this.localSizes;
  }

  /** `[ranks * spSize]` running sums of the tokens of every rank. */
  cuTokensAcrossSp(spSize: number): Int32Array {
    let sum = 0;
    const tokens = computeSpNumTokens(this.numTokensAcrossDp, spSize);
    return Int32Array.from(tokens, (count) => (sum += count));
  }

  private withSizes<T>(sizes: readonly number[], fn: () => T): T {
    const before = this.localSizes;
    this.localSizes = sizes;
    try {
      return fn();
    } finally {
      this.localSizes = before;
    }
  }
}

/** `[ranks * spSize]` tokens of every rank, a data-parallel rank's shared evenly, rounded up. */
export function computeSpNumTokens(numTokensAcrossDp: Int32Array, spSize: number): number[] {
  checkInt(spSize, OP, 'sequenceParallelSize', 1);
  return Array.from(numTokensAcrossDp).flatMap((tokens) =>
    new Array<number>(spSize).fill(Math.ceil(tokens / spSize)),
  );
}

/** The same within chunk `chunkIndex` of at most `maxNumTokens`: at least 1, so that no rank is missing. */
export function computeChunkedLocalNumTokens(
  numTokensAcrossDp: Int32Array,
  spSize: number,
  maxNumTokens: number,
  chunkIndex: number,
): number[] {
  checkInt(maxNumTokens, OP, 'maxNumTokens', 1);
  checkInt(chunkIndex, OP, 'chunkIndex', 0);
  return computeSpNumTokens(numTokensAcrossDp, spSize).map((tokens) =>
    Math.min(Math.max(tokens - maxNumTokens * chunkIndex, 1), maxNumTokens),
  );
}
