import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import { check, checkInt } from '../problem/checks.js';
import type { MaskMod } from './mask_mods.js';

/** Tokens of a query block and of a key block. */
export type BlockMaskSize = readonly [query: number, key: number];

/** Requests of any lengths, packed. */
export interface RaggedMaskShape {
  /** `[B]` */
  queryLens: ArrayLike<number>;
  /** `[B]` */
  kvLens: ArrayLike<number>;
  /** `[B]` position of each first query; default kvLen - queryLen. */
  queryOffsets?: ArrayLike<number>;
  /** Query heads that are told apart; default 1, one mask for all. */
  heads?: number;
  /** Default [16, 16]. */
  blockSize?: BlockMaskSize;
}

const OP = 'createBlockMask';
const [NONE, SOME, ALL] = [0, 1, 2] as const;

/** One request's tiles, row-major over (query block, key block): nothing, something or everything visible. */
interface Tiles {
  columns: number;
  states: Uint8Array;
}

/**
 * A mask function evaluated on the host (PyTorch FlexAttention `BlockMask`): one byte a (head, packed query, key), and for
 * each block of them whether none, some or all are visible.
 */
export class BlockMask {
  /** `[heads, T, S]`, S the longest kvLen; 1 = visible. */
  readonly bits: Uint8Array;
  readonly shape: readonly [heads: number, tokens: number, keys: number];
  /** How far back and ahead of its own position a query sees; kernels skip tiles outside. Never below 0. */
  readonly windowLeft: number;
  readonly windowRight: number;
  private readonly tiles: readonly (readonly Tiles[])[];

  constructor(
    readonly maskMod: MaskMod,
    shape: RaggedMaskShape,
  ) {
    check(
      typeof maskMod === 'function',
      OP,
      `maskMod must be a function (b, n, p, j) => boolean, got ${typeof maskMod}`,
    );
    const { queryLens, kvLens, heads = 1, blockSize = [16, 16] } = shape;
    check(
      queryLens.length === kvLens.length && kvLens.length > 0,
      OP,
      `queryLens and kvLens must have an entry a request [B], got ${queryLens.length} and ${kvLens.length}`,
    );
    checkInt(heads, OP, 'heads', 1);
    blockSize.forEach((size) => checkInt(size, OP, 'blockSize', 1));
    const tokens = Array.from(queryLens).reduce((sum, length) => sum + length, 0);
    const keys = Math.max(...Array.from(kvLens));
    this.shape = [heads, tokens, keys];
    this.bits = new Uint8Array(heads * tokens * keys);
    const band = { left: 0, right: 0 };
    let start = 0;
    this.tiles = Array.from(queryLens, (queryLen, b) => {
      const kvLen = kvLens[b];
      const offset = shape.queryOffsets?.[b] ?? kvLen - queryLen;
      const perHead = Array.from({ length: heads }, (_, n) =>
        evaluate(maskMod, this.bits.subarray((n * tokens + start) * keys), {
          ...{ b, n, queryLen, kvLen, offset, keys, blockSize, band },
        }),
      );
      start += queryLen;
      return perHead;
    });
    this.windowLeft = band.left;
    this.windowRight = band.right;
  }

  /** Key blocks that a query block sees in part. */
  partialBlocks(b: number, n: number, queryBlock: number): number[] {
    return this.blocksOf(SOME, b, n, queryBlock);
  }

  /** Key blocks that a query block sees whole. */
  fullBlocks(b: number, n: number, queryBlock: number): number[] {
    return this.blocksOf(ALL, b, n, queryBlock);
  }

  /** Share of blocks in which nothing is visible, 0 to 1. */
  sparsity(): number {
    const states = this.tiles.flat().flatMap((tiles) => Array.from(tiles.states));
    return states.filter((state) => state === NONE).length / states.length;
  }

  /** Bool tensor `[heads, T, S]`, which `pagedAttention` takes as `mask`. */
  toTensor(): Tensor {
    return tensor(this.bits, [...this.shape], 'bool');
  }

  private blocksOf(state: number, b: number, n: number, queryBlock: number): number[] {
    const { columns, states } = this.tiles[b][n];
    const row = states.subarray(queryBlock * columns, (queryBlock + 1) * columns);
    return Array.from(row.keys()).filter((block) => row[block] === state);
  }
}

/** B requests of equal lengths. */
export interface BlockMaskShape {
  /** B; default 1. */
  batch?: number;
  /** Default 1: one mask for all heads. */
  heads?: number;
  queryLen: number;
  kvLen: number;
  /** Position of the first query; default kvLen - queryLen. */
  queryOffset?: number;
  /** Default [16, 16]. */
  blockSize?: BlockMaskSize;
}

/**
 * Evaluates a mask function for B requests of equal lengths (PyTorch `create_block_mask`).
 *
 * ```js
 * const mask = createBlockMask(causalMaskMod, {queryLen: 32, kvLen: 32});
 * mask.fullBlocks(0, 0, 1);     // [0]
 * mask.partialBlocks(0, 0, 1);  // [1]: the diagonal
 * ```
 */
export function createBlockMask(maskMod: MaskMod, shape: BlockMaskShape): BlockMask {
  const { batch = 1, queryLen, kvLen, queryOffset, heads, blockSize } = shape;
  checkInt(batch, OP, 'batch', 1);
  checkInt(queryLen, OP, 'queryLen', 1);
  checkInt(kvLen, OP, 'kvLen', 1);
  const all = (value: number) => new Int32Array(batch).fill(value);
  return new BlockMask(maskMod, {
    queryLens: all(queryLen),
    kvLens: all(kvLen),
    ...(queryOffset !== undefined && { queryOffsets: all(queryOffset) }),
    heads,
    blockSize,
  });
}

/** One head of one request: fills its rows of `bits`, widens the band, returns its tiles. */
function evaluate(
  mod: MaskMod,
  bits: Uint8Array,
  at: {
    b: number;
    n: number;
    queryLen: number;
    kvLen: number;
    offset: number;
    keys: number;
    blockSize: BlockMaskSize;
    band: { left: number; right: number };
  },
): Tiles {
  const { queryLen, kvLen, offset, keys, band } = at;
  const [height, width] = at.blockSize;
  const [rows, columns] = [Math.ceil(queryLen / height), Math.ceil(kvLen / width)];
  const states = new Uint8Array(rows * columns);
  const see = (i: number, j: number, to: number): void => {
    bits.fill(1, i * keys + j, i * keys + to);
    band.left = Math.max(band.left, offset + i - j);
    band.right = Math.max(band.right, to - 1 - offset - i);
  };
  for (let row = 0; row < rows; row++) {
    const [i0, i1] = [row * height, Math.min(queryLen, (row + 1) * height)];
    for (let column = 0; column < columns; column++) {
      const [j0, j1] = [column * width, Math.min(kvLen, (column + 1) * width)];
      const known = mod.tile?.(offset + i0, offset + i1 - 1, j0, j1 - 1) ?? 'some';
      if (known === 'none') continue;
      let visible = 0;
      for (let i = i0; i < i1; i++) {
        if (known === 'all') {
          see(i, j0, j1);
          visible += j1 - j0;
          continue;
        }
        for (let j = j0; j < j1; j++) {
          if (!mod(at.b, at.n, offset + i, j)) continue;
          see(i, j, j + 1);
          visible++;
        }
      }
      const total = (i1 - i0) * (j1 - j0);
      states[row * columns + column] = visible === 0 ? NONE : visible === total ? ALL : SOME;
    }
  }
  return { columns, states };
}
