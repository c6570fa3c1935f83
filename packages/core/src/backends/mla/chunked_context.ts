import type { VllmConfig } from '../../config.js';
import { InvalidArgumentError } from '../../errors.js';
import { check, checkInt } from '../../problem/checks.js';

/** One turn over the cached keys of a step's prefills: request b reads positions starts[b] to starts[b] + seqLens[b] - 1. */
export interface ContextChunk {
  readonly starts: Int32Array;
  readonly seqLens: Int32Array;
  /** `[B + 1]` prefix sums of seqLens. */
  readonly cuSeqLens: Int32Array;
  readonly seqTot: number;
  readonly maxSeqLen: number;
}

const OP = 'chunkContext';

/**
 * Cuts the contexts of prefills so that no turn has more latents than the workspace (vLLM `MLACommonMetadataBuilder`): all
 * requests with a context share it evenly, in whole blocks.
 *
 * ```js
 * chunkContext([20, 0, 5], 32, 4);  // 16 keys a request and turn: lengths [16, 0, 5], then [4, 0, 0]
 * ```
 *
 * @throws InvalidArgumentError where the workspace has no block for each request.
 */
export function chunkContext(
  contextLens: ArrayLike<number>,
  workspaceSize: number,
  blockSize: number,
): ContextChunk[] {
  const lengths = Array.from(contextLens);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  if (longest === 0) return [];
  const numWithContext = lengths.filter((length) => length > 0).length;
  const share = Math.floor(workspaceSize / numWithContext);
  const chunk = share - (share % blockSize);
  if (chunk === 0) {
    throw new InvalidArgumentError(
      `${OP}: a workspace of ${workspaceSize} tokens has no block of ${blockSize} for each of ${numWithContext} ` +
        'requests with a context; make it larger or the batch smaller',
    );
  }
  return Array.from({ length: Math.ceil(longest / chunk) }, (_, turn) => {
    const starts = Int32Array.from(lengths, (length) => Math.min(length, turn * chunk));
    const seqLens = starts.map((start, b) => Math.min(lengths[b] - start, chunk));
    const cuSeqLens = new Int32Array(lengths.length + 1);
    seqLens.forEach((length, b) => (cuSeqLens[b + 1] = cuSeqLens[b] + length));
    return {
      starts,
      seqLens,
      cuSeqLens,
      seqTot: cuSeqLens[lengths.length],
      maxSeqLen: seqLens.reduce((most, length) => Math.max(most, length), 0),
    };
  });
}

/**
 * Tokens that a turn over the context holds at most (vLLM): eight times the longest request or four blocks a request,
 * whichever is more, but no more than 64 Ki, and a block a request at least.
 */
export function determineChunkedPrefillWorkspaceSize(vllmConfig: VllmConfig): number {
  const op = 'determineChunkedPrefillWorkspaceSize';
  const { cacheConfig, modelConfig, schedulerConfig } = vllmConfig ?? {};
  check(
    cacheConfig !== undefined && modelConfig !== undefined && schedulerConfig !== undefined,
    op,
    'vllmConfig needs cacheConfig, modelConfig and schedulerConfig',
  );
  const { blockSize } = cacheConfig;
  const { maxNumSeqs } = schedulerConfig;
  checkInt(blockSize, op, 'cacheConfig.blockSize', 1);
  checkInt(maxNumSeqs, op, 'schedulerConfig.maxNumSeqs', 1);
  const wanted = Math.max(8 * modelConfig.maxModelLen, 4 * maxNumSeqs * blockSize);
  return Math.max(Math.min(wanted, 64 * 1024), maxNumSeqs * blockSize);
}
