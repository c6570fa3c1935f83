import {
  dropoutHook,
  dropoutRow,
  keySpans,
  maskRules,
  seesAll,
  type AttentionParams,
  type MaskRules,
  type Span,
} from '@tfjs-attention/core/provider';
import type { AttentionRegions } from '../kernels/kernel_set.js';
import type { Region } from '../heap/region.js';
import { KvReader } from './kv_reader.js';
import {
  accumulateVisible,
  addProducts,
  leftIndex,
  packRows,
  paddedColumns,
  paddedRows,
  TILE_KEYS,
  TILE_ROWS,
} from './products.js';
import { RowScores, type Row } from './row_scores.js';
import { SoftmaxState } from './softmax_state.js';

/** Attention in tiles with a running softmax (Dao et al., FlashAttention-2, 2023); memory O(1) beyond the operands. */
export class PlainAttention {
  private readonly keys: KvReader;
  private readonly values: KvReader;
  private readonly scores: RowScores;
  private readonly state: SoftmaxState;
  private readonly q: Float32Array;
  private readonly out: Float32Array;
  private readonly lse: Float32Array | undefined;
  private readonly sinks: Float32Array | undefined;
  private readonly dropout: Int32Array | undefined;
  private readonly queryTile: Float64Array;
  private readonly keyTile: Float64Array;
  private readonly valueTile: Float64Array;
  private readonly scoresTile = new Float64Array(TILE_ROWS * TILE_KEYS);
  private readonly weightsTile = new Float64Array(TILE_ROWS * TILE_KEYS);

  constructor(
    private readonly params: AttentionParams,
    private readonly operands: AttentionRegions,
  ) {
    const { headSize, valueHeadSize } = params;
    this.keys = new KvReader(params, operands, 'k');
    this.values = new KvReader(params, operands, 'v');
    this.scores = new RowScores(params, operands);
    this.state = new SoftmaxState(valueHeadSize);
    this.q = required(operands.q).floats();
    this.out = required(operands.out).floats();
    this.lse = operands.lse?.floats();
    this.sinks = operands.sinks?.floats();
    this.dropout = operands.dropout?.ints();
    this.queryTile = new Float64Array(TILE_ROWS * headSize);
    this.keyTile = new Float64Array(TILE_KEYS * headSize);
    this.valueTile = new Float64Array(TILE_KEYS * paddedColumns(valueHeadSize));
  }

  run(): void {
    const { numSeqs, numKvHeads, numHeads, maxQueryLen } = this.params;
    const starts = this.operands.queryStartLoc?.ints();
    const seqLens = required(this.operands.seqLens).ints();
    const offsets = required(this.operands.queryOffsets).ints();
    const maskInts = {
      causalFlags: this.operands.causalFlags?.ints(),
      rswaPrefixLens: this.operands.rswaPrefixLens?.ints(),
      mmRanges: this.operands.mmRanges?.ints(),
    };
    const group = numHeads / numKvHeads;
    for (let sequence = 0; sequence < numSeqs; sequence++) {
      const start = starts?.[sequence] ?? 0;
      const queryLen = starts ? starts[sequence + 1] - start : maxQueryLen;
      const seqLen = seqLens[sequence];
      const rules = maskRules(this.params, maskInts, sequence);
      for (let kvHead = 0; kvHead < numKvHeads; kvHead++) {
        // Rows of one KV head: its query heads side by side, token after token.
        for (let from = 0; from < queryLen * group; from += TILE_ROWS) {
          const count = Math.min(TILE_ROWS, queryLen * group - from);
          const rows = Array.from({ length: count }, (_, r): Row => {
            const index = Math.floor((from + r) / group);
            const head = kvHead * group + ((from + r) % group);
            const position = offsets[sequence] + index;
            return { sequence, index, token: start + index, head, position };
          });
          this.block(rows, kvHead, rules, seqLen, seqLen - queryLen);
        }
      }
    }
  }

  private block(
    rows: readonly Row[],
    kvHead: number,
    rules: MaskRules,
    seqLen: number,
    contextLen: number,
  ): void {
    const { state } = this;
    const first = rows[0].position;
    const last = rows[rows.length - 1].position;
    rows.forEach((row, r) => this.loadQuery(row, r));
    state.clear(rows.length);
    for (const [begin, end] of keySpans(rules, first, last, seqLen)) {
      for (let j = begin; j < end; j += TILE_KEYS) {
        const tile: Span = [j, Math.min(end, j + TILE_KEYS)];
        const hiding = seesAll(rules, first, last, tile) ? undefined : rules;
        this.tile(rows, kvHead, tile, contextLen, hiding);
      }
    }
    rows.forEach((row, r) => this.finish(row, r));
  }

  private tile(
    rows: readonly Row[],
    kvHead: number,
    [begin, end]: Span,
    contextLen: number,
    hiding: MaskRules | undefined,
  ): void {
    const { queryTile, keyTile, valueTile, scoresTile, weightsTile, state, keys, values } = this;
    const { length } = rows;
    const { sequence } = rows[0];
    const count = end - begin;
    keys.read(keyTile, sequence, kvHead, begin, count);
    scoresTile.fill(0, 0, paddedRows(length) * TILE_KEYS);
    const { size: depth } = keys;
    addProducts(queryTile, depth, keyTile, depth, scoresTile, TILE_KEYS, length, count, depth);
    rows.forEach((row, r) => {
      const at = r * TILE_KEYS;
      const most = this.scores.apply(scoresTile, at, row, begin, count, contextLen, hiding);
      state.weigh(r, scoresTile, count, most);
      if (this.dropout) this.drop(this.dropout, row, at, begin, count);
    });
    const { acc, stride } = state;
    const { size } = values;
    if (values.read(valueTile, sequence, kvHead, begin, count)) {
      packRows(scoresTile, weightsTile, length, count);
      addProducts(weightsTile, TILE_KEYS, valueTile, TILE_KEYS, acc, stride, length, size, count);
    } else {
      accumulateVisible(scoresTile, valueTile, acc, stride, length, count, size);
    }
  }

  /** Drops weights of a row after they were summed. */
  private drop(
    [seed, share]: Int32Array,
    row: Row,
    at: number,
    begin: number,
    count: number,
  ): void {
    const { numHeads, maxQueryLen } = this.params;
    const dropped = dropoutRow(
      seed,
      (row.sequence * numHeads + row.head) * maxQueryLen + row.index,
    );
    for (let c = 0; c < count; c++)
      this.scoresTile[at + c] *= dropoutHook(dropped, share, begin + c);
  }

  private loadQuery(row: Row, r: number): void {
    const { qStrideBatch, qStrideToken, qStrideHead, headSize } = this.params;
    const at = row.sequence * qStrideBatch + row.token * qStrideToken + row.head * qStrideHead;
    for (let d = 0; d < headSize; d++) {
      this.queryTile[leftIndex(r, d, headSize)] = this.q[at + d];
    }
  }

  private finish({ sequence, token, head }: Row, r: number): void {
    const { params, out, lse } = this;
    const at =
      sequence * params.outStrideBatch +
      token * params.outStrideToken +
      head * params.outStrideHead;
    const rowLse = this.state.finish(r, this.sinks?.[head] ?? -Infinity, out, at);
    if (lse === undefined) return;
    lse[
      sequence * params.lseStrideBatch + token * params.lseStrideToken + head * params.lseStrideHead
    ] = rowLse;
  }
}

function required(region: Region | undefined): Region {
  if (region === undefined) throw new TypeError('an operand of the kernel is missing');
  return region;
}
