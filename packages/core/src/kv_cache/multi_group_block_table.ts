import { check } from '../problem/checks.js';
import { BlockTable } from './block_table.js';

export interface MultiGroupBlockTableOptions {
  /** B at most. */
  maxNumReqs: number;
  maxModelLen: number;
  /** T at most. */
  maxNumBatchedTokens: number;
  /** C of each KV cache group. */
  blockSizes: readonly number[];
  /** Block size that kernels see, of each group. Default `blockSizes`. */
  kernelBlockSizes?: readonly number[];
  /** Default 0. */
  numSpeculativeTokens?: number;
  /** As in `BlockTableOptions`. */
  dcpWorldSize?: number;
  dcpRank?: number;
  cpKvCacheInterleaveSize?: number;
}

/** One {@link BlockTable} for each KV cache group, kept in step (vLLM `MultiGroupBlockTable`). */
export class MultiGroupBlockTable {
  readonly blockTables: readonly BlockTable[];

  constructor(options: MultiGroupBlockTableOptions) {
    const { blockSizes, kernelBlockSizes = blockSizes, maxModelLen, ...rest } = options;
    const { numSpeculativeTokens = 0, dcpWorldSize = 1 } = options;
    check(
      blockSizes.length > 0 && kernelBlockSizes.length === blockSizes.length,
      'MultiGroupBlockTable',
      `blockSizes and kernelBlockSizes must have one entry a group, got ${blockSizes.length} and ${kernelBlockSizes.length}`,
    );
    this.blockTables = blockSizes.map((blockSize, group) => {
      const blocks = Math.ceil(maxModelLen / (blockSize * dcpWorldSize));
      const maxNumBlocksPerReq = Math.max(blocks, 1 + numSpeculativeTokens);
      const kernelBlockSize = kernelBlockSizes[group];
      return new BlockTable({ ...rest, blockSize, maxNumBlocksPerReq, kernelBlockSize });
    });
  }

  /** The table of a group. */
  at(kvCacheGroupId: number): BlockTable {
    return this.blockTables[kvCacheGroupId];
  }

  /** @param blockIds one list a group */
  appendRow(blockIds: readonly ArrayLike<number>[], rowIdx: number): void {
    this.checkGroups(blockIds);
    this.blockTables.forEach((table, group) => table.appendRow(blockIds[group], rowIdx));
  }

  /** @param blockIds one list a group */
  addRow(blockIds: readonly ArrayLike<number>[], rowIdx: number): void {
    this.checkGroups(blockIds);
    this.blockTables.forEach((table, group) => table.addRow(blockIds[group], rowIdx));
  }

  moveRow(src: number, tgt: number): void {
    this.blockTables.forEach((table) => table.moveRow(src, tgt));
  }

  swapRow(src: number, tgt: number): void {
    this.blockTables.forEach((table) => table.swapRow(src, tgt));
  }

  computeSlotMapping(reqIndices: ArrayLike<number>, positions: ArrayLike<number>): void {
    this.blockTables.forEach((table) => table.computeSlotMapping(reqIndices, positions));
  }

  /** `[numReqs, M]` of each group. */
  commitBlockTable(numReqs: number): Int32Array[] {
    return this.blockTables.map((table) => table.commitBlockTable(numReqs));
  }

  /** `[numTokens]` of each group. */
  commitSlotMapping(numTokens: number): Int32Array[] {
    return this.blockTables.map((table) => table.commitSlotMapping(numTokens));
  }

  clear(): void {
    this.blockTables.forEach((table) => table.clear());
  }

  private checkGroups(blockIds: readonly unknown[]): void {
    check(
      blockIds.length === this.blockTables.length,
      'MultiGroupBlockTable',
      `blockIds must have a list for each of the ${this.blockTables.length} groups, got ${blockIds.length}`,
    );
  }
}
