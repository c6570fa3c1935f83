import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import { check, checkInt } from '../problem/checks.js';

/** vLLM's block-sparse pattern of single-query attention (its `blocksparse_*` arguments). */
export interface BlockSparseOptions {
  /** Blocks before the query's own, it included, that are seen whole. */
  localBlocks: number;
  /** Of the other blocks every one in so many is seen; 1 or less = all: the pattern is off. */
  vertStride: number;
  /** Keys of a pattern's block, a multiple of C. Default 64. */
  blockSize?: number;
  /** By how many blocks a query head's pattern is shifted against the one before; negative: a KV head's. Default 0. */
  headSlidingStep?: number;
  /** This process' place among tensor-parallel ones, whose heads follow each other. Default 0. */
  tpRank?: number;
}

/** Where keys are counted from: key 0 of a row stands at position `firstKey` of a sequence whose query is at `position`. */
export interface SparseRow {
  readonly position: number;
  readonly firstKey: number;
}

/** The pattern with its defaults; undefined where it is off. */
export function readBlockSparse(
  op: string,
  options: BlockSparseOptions | undefined,
  cacheBlockSize: number,
): Required<BlockSparseOptions> | undefined {
  if (options === undefined || options.vertStride <= 1) return undefined;
  const { localBlocks, vertStride, blockSize = 64, headSlidingStep = 0, tpRank = 0 } = options;
  checkInt(localBlocks, op, 'blockSparse.localBlocks', 0);
  checkInt(vertStride, op, 'blockSparse.vertStride', 2);
  checkInt(headSlidingStep, op, 'blockSparse.headSlidingStep');
  checkInt(tpRank, op, 'blockSparse.tpRank', 0);
  checkInt(blockSize, op, 'blockSparse.blockSize', 1);
  check(
    blockSize % cacheBlockSize === 0,
    op,
    `blockSparse.blockSize ${blockSize} must be a multiple of the cache's block size ${cacheBlockSize}`,
  );
  return { localBlocks, vertStride, blockSize, headSlidingStep, tpRank };
}

/** Which keys the pattern lets a row's heads see: bool `[N or 1, rows, keys]`; true where a key is seen. */
export function blockSparseMask(
  pattern: Required<BlockSparseOptions>,
  rows: readonly SparseRow[],
  keys: number,
  numHeads: number,
  numKvHeads: number,
): Tensor {
  const { localBlocks, vertStride, blockSize, headSlidingStep: step, tpRank } = pattern;
  const heads = step === 0 ? 1 : numHeads;
  const shift = (head: number): number => {
    if (step >= 0) return (tpRank * numHeads + head) * step + 1;
    const kvHead = Math.floor((head * numKvHeads) / numHeads);
    return (tpRank * numKvHeads + kvHead) * -step + 1;
  };
  const seen = new Uint8Array(heads * rows.length * keys);
  let at = 0;
  for (let head = 0; head < heads; head++) {
    const offset = shift(head);
    for (const { position, firstKey } of rows) {
      const own = Math.floor(position / blockSize);
      for (let j = 0; j < keys; j++, at++) {
        const block = Math.floor((firstKey + j) / blockSize);
        const isSeen = (block + offset) % vertStride === 0 || block > own - localBlocks;
        seen[at] = isSeen ? 1 : 0;
      }
    }
  }
  return tensor(seen, [heads, rows.length, keys], 'bool');
}
