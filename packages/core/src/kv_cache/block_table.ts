import { CapacityError } from '../errors.js';
import { check, checkInt } from '../problem/checks.js';

export interface BlockTableOptions {
  /** C, tokens per block of the pool. */
  blockSize: number;
  /** B at most. */
  maxNumReqs: number;
  /** Pool blocks of one request at most. */
  maxNumBlocksPerReq: number;
  /** T at most. */
  maxNumBatchedTokens: number;
  /** Tokens per block that kernels see; divides `blockSize`. Default `blockSize`. */
  kernelBlockSize?: number;
  /** Ranks that positions are dealt to, this one's number, and how many positions in a row. Default 1, 0, 1. */
  dcpWorldSize?: number;
  dcpRank?: number;
  cpKvCacheInterleaveSize?: number;
}

const OP = 'BlockTable';

/**
 * Blocks of every request of a batch, and the slots of its new tokens (vLLM `BlockTable`), on the host. Where kernels see
 * smaller blocks than the pool, each block b of the pool becomes the n blocks b * n to b * n + n - 1.
 *
 * ```js
 * const table = new BlockTable({blockSize: 4, maxNumReqs: 2, maxNumBlocksPerReq: 3, maxNumBatchedTokens: 8});
 * table.addRow([7, 2], 1);
 * table.computeSlotMapping([1, 1], [3, 4]);
 * table.commitSlotMapping(2);  // [31, 8]
 * ```
 */
export class BlockTable {
  /** C as kernels see it. */
  readonly blockSize: number;
  /** M, blocks of a row as kernels see them. */
  readonly maxNumBlocksPerReq: number;
  readonly maxNumReqs: number;
  readonly maxNumBatchedTokens: number;
  private readonly blocksPerPoolBlock: number;
  private readonly dcp: { worldSize: number; rank: number; interleave: number };
  private readonly table: Int32Array;
  private readonly counts: Int32Array;
  private readonly slots: Int32Array;

  constructor(options: BlockTableOptions) {
    const { blockSize, maxNumReqs, maxNumBlocksPerReq, maxNumBatchedTokens } = options;
    const { kernelBlockSize = blockSize, dcpWorldSize = 1, dcpRank = 0 } = options;
    const { cpKvCacheInterleaveSize: interleave = 1 } = options;
    checkInt(blockSize, OP, 'blockSize', 1);
    checkInt(maxNumReqs, OP, 'maxNumReqs', 1);
    checkInt(maxNumBlocksPerReq, OP, 'maxNumBlocksPerReq', 1);
    checkInt(maxNumBatchedTokens, OP, 'maxNumBatchedTokens', 1);
    checkInt(kernelBlockSize, OP, 'kernelBlockSize', 1);
    checkInt(dcpWorldSize, OP, 'dcpWorldSize', 1);
    checkInt(dcpRank, OP, 'dcpRank', 0, dcpWorldSize - 1);
    checkInt(interleave, OP, 'cpKvCacheInterleaveSize', 1);
    check(
      blockSize % kernelBlockSize === 0,
      OP,
      `kernelBlockSize ${kernelBlockSize} must divide blockSize ${blockSize}`,
    );
    check(
      kernelBlockSize % interleave === 0,
      OP,
      `cpKvCacheInterleaveSize ${interleave} must divide the block size ${kernelBlockSize}`,
    );
    this.blockSize = kernelBlockSize;
    this.blocksPerPoolBlock = blockSize / kernelBlockSize;
    this.maxNumBlocksPerReq = maxNumBlocksPerReq * this.blocksPerPoolBlock;
    this.maxNumReqs = maxNumReqs;
    this.maxNumBatchedTokens = maxNumBatchedTokens;
    this.dcp = { worldSize: dcpWorldSize, rank: dcpRank, interleave };
    this.table = new Int32Array(maxNumReqs * this.maxNumBlocksPerReq);
    this.counts = new Int32Array(maxNumReqs);
    this.slots = new Int32Array(maxNumBatchedTokens);
  }

  /** Adds pool blocks at the end of a row. @throws CapacityError where the row is too short for them. */
  appendRow(blockIds: ArrayLike<number>, rowIdx: number): void {
    this.checkRow('appendRow', rowIdx);
    this.write('appendRow', blockIds, rowIdx, this.counts[rowIdx]);
  }

  /** Begins a row anew with pool blocks. */
  addRow(blockIds: ArrayLike<number>, rowIdx: number): void {
    this.checkRow('addRow', rowIdx);
    this.write('addRow', blockIds, rowIdx, 0);
  }

  /** Copies row `src` over row `tgt`. */
  moveRow(src: number, tgt: number): void {
    this.checkRow('moveRow', src);
    this.checkRow('moveRow', tgt);
    this.table.set(this.row(src), tgt * this.maxNumBlocksPerReq);
    this.counts[tgt] = this.counts[src];
  }

  swapRow(src: number, tgt: number): void {
    this.checkRow('swapRow', src);
    this.checkRow('swapRow', tgt);
    const [row, count] = [this.row(src).slice(), this.counts[src]];
    this.moveRow(tgt, src);
    this.table.set(row, tgt * this.maxNumBlocksPerReq);
    this.counts[tgt] = count;
  }

  /**
   * Slot of token i: block of position `positions[i]` in row `reqIndices[i]`, times C, plus the place in the block; -1 where
   * another rank has it.
   *
   * @throws InvalidArgumentError for a position past the row's blocks.
   */
  computeSlotMapping(reqIndices: ArrayLike<number>, positions: ArrayLike<number>): void {
    const op = `${OP}.computeSlotMapping`;
    const { blockSize, maxNumBlocksPerReq: width } = this;
    const { worldSize, rank, interleave } = this.dcp;
    const numTokens = reqIndices.length;
    check(
      positions.length === numTokens && numTokens <= this.maxNumBatchedTokens,
      op,
      `reqIndices and positions must be equally many, at most ${this.maxNumBatchedTokens}, got ${numTokens} and ${positions.length}`,
    );
    for (let i = 0; i < numTokens; i++) {
      const row = reqIndices[i];
      const position = positions[i];
      const column = Math.floor(position / (blockSize * worldSize));
      if (!(row >= 0 && row < this.maxNumReqs && column >= 0 && column < this.counts[row])) {
        const held = `row ${row} has ${this.counts[row] ?? 0} blocks of ${blockSize * worldSize} tokens`;
        check(false, op, `positions[${i}] = ${position} has no block: ${held}`);
      }
      const turn = Math.floor(position / interleave);
      const isLocal = turn % worldSize === rank;
      const localPosition = Math.floor(turn / worldSize) * interleave + (position % interleave);
      const slot = this.table[row * width + column] * blockSize + (localPosition % blockSize);
      this.slots[i] = isLocal ? slot : -1;
    }
  }

  /** `[numReqs, M]` flat, a copy: later changes of the table do not reach the step that uses it. */
  commitBlockTable(numReqs: number): Int32Array {
    checkInt(numReqs, `${OP}.commitBlockTable`, 'numReqs', 0, this.maxNumReqs);
    return this.table.slice(0, numReqs * this.maxNumBlocksPerReq);
  }

  /** `[numTokens]`, a copy of what {@link computeSlotMapping} wrote. */
  commitSlotMapping(numTokens: number): Int32Array {
    checkInt(numTokens, `${OP}.commitSlotMapping`, 'numTokens', 0, this.maxNumBatchedTokens);
    return this.slots.slice(0, numTokens);
  }

  /** Blocks of a row, as kernels see them. */
  getRow(rowIdx: number): Int32Array {
    this.checkRow('getRow', rowIdx);
    return this.row(rowIdx).slice(0, this.counts[rowIdx]);
  }

  clear(): void {
    this.table.fill(0);
    this.counts.fill(0);
  }

  private row(rowIdx: number): Int32Array {
    const start = rowIdx * this.maxNumBlocksPerReq;
    return this.table.subarray(start, start + this.maxNumBlocksPerReq);
  }

  private write(method: string, blockIds: ArrayLike<number>, rowIdx: number, from: number): void {
    const n = this.blocksPerPoolBlock;
    const end = from + blockIds.length * n;
    if (end > this.maxNumBlocksPerReq) {
      throw new CapacityError(
        `${OP}.${method}: row ${rowIdx} would have ${end / n} blocks, maxNumBlocksPerReq is ${this.maxNumBlocksPerReq / n}`,
      );
    }
    for (let i = 0; i < blockIds.length; i++) {
      checkInt(blockIds[i], `${OP}.${method}`, `blockIds[${i}]`, 0);
    }
    const row = this.row(rowIdx);
    for (let i = from; i < end; i++) {
      const block = blockIds[Math.floor((i - from) / n)];
      row[i] = block * n + ((i - from) % n);
    }
    this.counts[rowIdx] = end;
  }

  private checkRow(method: string, rowIdx: number): void {
    checkInt(rowIdx, `${OP}.${method}`, 'rowIdx', 0, this.maxNumReqs - 1);
  }
}
