import {
  int4Code,
  int4Scale,
  int4Zero,
  KV_CACHE_DTYPES,
  type AttentionParams,
} from '@tfjs-attention/core/provider';
import type { AttentionRegions } from '../kernels/kernel_set.js';
import { codesOf, valuesOf, type Codes } from './codes.js';
import { rightIndex, TILE_KEYS } from './products.js';

/** Keys or values of a call, dense or paged, as real numbers. */
export class KvReader {
  private readonly codes: Codes;
  private readonly table: Float32Array | undefined;
  private readonly isInt4: boolean;
  private readonly scale: number;
  private readonly headScales: Float32Array | undefined;
  private readonly tokenScales: Float32Array | undefined;
  private readonly blockTables: Int32Array | undefined;
  private readonly strides: { batch: number; token: number; head: number };
  /** From element 0 to 1, and to 2, of a row in a tile. */
  private readonly laneStep: number;
  private readonly pairStep: number;
  readonly size: number;

  constructor(
    private readonly params: AttentionParams,
    operands: AttentionRegions,
    private readonly half: 'k' | 'v',
  ) {
    const dtype = KV_CACHE_DTYPES[params.kvDtype];
    const region = operands[half];
    if (region === undefined) throw new TypeError(`the operand ${half} is missing`);
    this.codes = codesOf(dtype, region);
    this.isInt4 = dtype === 'int4_per_token_head';
    this.table = dtype === 'int4_per_token_head' ? undefined : valuesOf(dtype);
    // Kernels read scales as float32.
    this.scale = Math.fround(params[`${half}Scale`]);
    this.headScales = operands[`${half}HeadScales`]?.floats();
    this.tokenScales = operands[`${half}TokenScales`]?.floats();
    this.blockTables = params.blockSize > 0 ? operands.blockTables?.ints() : undefined;
    this.size = half === 'k' ? params.headSize : params.valueHeadSize;
    this.strides = {
      batch: params[`${half}StrideBatch`],
      token: params[`${half}StrideToken`],
      head: params[`${half}StrideHead`],
    };
    this.laneStep = this.place(0, 1);
    this.pairStep = this.place(0, 2);
  }

  /** Element d of row r in a tile, the right operand of a product: keys are its columns, or values' lanes are. */
  private place(r: number, d: number): number {
    return this.half === 'k' ? rightIndex(r, d, this.size) : rightIndex(d, r, TILE_KEYS);
  }

  /** Fills `tile` with `count` rows from key `first` on. Returns whether all numbers are finite. */
  read(
    tile: Float64Array,
    sequence: number,
    kvHead: number,
    first: number,
    count: number,
  ): boolean {
    const { codes, table, isInt4, size, strides, params } = this;
    const { blockTables, laneStep, pairStep } = this;
    let finite = true;
    for (let row = 0; row < count; row++) {
      const j = first + row;
      let at = kvHead * strides.head;
      let token = j;
      if (blockTables === undefined) {
        at += sequence * strides.batch + j * strides.token;
      } else {
        const { blockSize, maxBlocksPerSeq } = params;
        const offset = j % blockSize;
        const block = blockTables[sequence * maxBlocksPerSeq + (j - offset) / blockSize];
        at += block * strides.batch + offset * strides.token;
        token = block * blockSize + offset;
      }
      const stored = this.scaleOf(token, kvHead);
      const scale = isInt4 ? int4Scale(stored) : stored;
      const zero = isInt4 ? int4Zero(stored) : 0;
      let sum = 0;
      for (let d = 0, to = this.place(row, 0); d < size; d++) {
        const code = isInt4 ? int4Code(codes, at, d) - zero : codes[at + d];
        const value = (table === undefined ? code : table[code]) * scale;
        tile[to] = value;
        to += d & 1 ? pairStep - laneStep : laneStep;
        // 0 as long as everything is finite, NaN ever after.
        sum += value * 0;
      }
      if (sum !== 0) finite = false;
    }
    return finite;
  }

  private scaleOf(token: number, kvHead: number): number {
    if (this.tokenScales) return this.tokenScales[token * this.params.numKvHeads + kvHead];
    return this.headScales ? this.headScales[kvHead] : this.scale;
  }
}
