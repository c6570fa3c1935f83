import {
  dropoutHook,
  dropoutRow,
  keySpans,
  maskRules,
  seesAll,
  type AttentionParams,
  type MaskRules,
} from '@tfjs-attention/core/provider';
import type { AttentionRegions, GradientRegions } from '../kernels/kernel_set.js';
import type { Region } from '../heap/region.js';
import { TILE_KEYS } from './products.js';
import { RowScores, type Row } from './row_scores.js';

/** What a row's weights are made from, beside its scores. */
interface RowFacts {
  readonly shift: number;
  /** What the sink leaves of the weights. */
  readonly share: number;
  /** share * <dout, out> - dlse. */
  readonly mean: number;
  readonly dropoutRow: number;
}

/**
 * Gradients of dense attention, a row at a time: weights are made again from q, k and lse (Dao, FlashAttention-2, 2023), so
 * memory beyond the operands is O(1).
 */
export class PlainBackward {
  private readonly scores: RowScores;
  private readonly products = new Float64Array(TILE_KEYS);
  private readonly slopes = new Float64Array(TILE_KEYS);
  private readonly q: Float32Array;
  private readonly k: Float32Array;
  private readonly v: Float32Array;
  private readonly out: Float32Array;
  private readonly lse: Float32Array;
  private readonly dout: Float32Array;
  private readonly dlse: Float32Array;
  private readonly dq: Float32Array | undefined;
  private readonly dk: Float32Array | undefined;
  private readonly dv: Float32Array | undefined;
  private readonly dbias: Float32Array | undefined;
  private readonly dalibiSlopes: Float32Array | undefined;
  private readonly dqqBias: Float32Array | undefined;
  private readonly sinks: Float32Array | undefined;
  private readonly dropout: Int32Array | undefined;

  constructor(
    private readonly params: AttentionParams,
    private readonly operands: AttentionRegions,
    gradients: GradientRegions,
  ) {
    this.scores = new RowScores(params, operands);
    this.q = floats(operands.q);
    this.k = floats(operands.k);
    this.v = floats(operands.v);
    this.out = floats(operands.out);
    this.lse = floats(operands.lse);
    this.dout = floats(gradients.dout);
    this.dlse = floats(gradients.dlse);
    this.dq = gradients.dq?.floats();
    this.dk = gradients.dk?.floats();
    this.dv = gradients.dv?.floats();
    this.dbias = gradients.dbias?.floats();
    this.dalibiSlopes = gradients.dalibiSlopes?.floats();
    this.dqqBias = gradients.dqqBias?.floats();
    this.sinks = operands.sinks?.floats();
    this.dropout = operands.dropout?.ints();
  }

  run(): void {
    const { numSeqs, numHeads, maxQueryLen } = this.params;
    const seqLens = required(this.operands.seqLens).ints();
    const offsets = required(this.operands.queryOffsets).ints();
    const maskInts = {
      rswaPrefixLens: this.operands.rswaPrefixLens?.ints(),
      mmRanges: this.operands.mmRanges?.ints(),
    };
    for (let sequence = 0; sequence < numSeqs; sequence++) {
      const rules = maskRules(this.params, maskInts, sequence);
      for (let head = 0; head < numHeads; head++) {
        for (let index = 0; index < maxQueryLen; index++) {
          const position = offsets[sequence] + index;
          this.row({ sequence, index, token: index, head, position }, rules, seqLens[sequence]);
        }
      }
    }
  }

  private row(row: Row, rules: MaskRules, seqLen: number): void {
    const { position } = row;
    const facts = this.factsOf(row);
    if (facts === undefined) return;
    for (const [first, last] of keySpans(rules, position, position, seqLen)) {
      for (let begin = first; begin < last; begin += TILE_KEYS) {
        const end = Math.min(last, begin + TILE_KEYS);
        const hiding = seesAll(rules, position, position, [begin, end]) ? undefined : rules;
        this.keys(row, facts, begin, end - begin, seqLen - this.params.maxQueryLen, hiding);
      }
    }
  }

  /** Nothing for a row that sees no key. */
  private factsOf(row: Row): RowFacts | undefined {
    const { valueHeadSize, numHeads, maxQueryLen } = this.params;
    const shift = this.lse[this.at('lse', row)];
    if (shift === -Infinity) return undefined;
    const outAt = this.at('out', row);
    let mean = 0;
    for (let d = 0; d < valueHeadSize; d++) mean += this.dout[outAt + d] * this.out[outAt + d];
    const share = 1 / (1 + Math.exp((this.sinks?.[row.head] ?? -Infinity) - shift));
    const place = (row.sequence * numHeads + row.head) * maxQueryLen + row.index;
    return {
      shift,
      share,
      mean: share * mean - this.dlse[this.at('lse', row)],
      dropoutRow: this.dropout ? dropoutRow(this.dropout[0], place) : 0,
    };
  }

  /** One row against keys `begin` to `begin + count - 1`. */
  private keys(
    row: Row,
    { shift, share, mean, dropoutRow: dropped }: RowFacts,
    begin: number,
    count: number,
    contextLen: number,
    hiding: MaskRules | undefined,
  ): void {
    const { params, products, slopes, q, k, v, dout, dq, dk, dv, dropout } = this;
    const { headSize, valueHeadSize, softmaxScale, logitsSoftCap } = params;
    const qAt = this.at('q', row);
    const outAt = this.at('out', row);
    for (let c = 0; c < count; c++) {
      const kAt = this.keyAt('k', row, begin + c);
      let dot = 0;
      for (let d = 0; d < headSize; d++) dot += q[qAt + d] * k[kAt + d];
      products[c] = dot;
      const bent = logitsSoftCap > 0 ? Math.tanh((dot * softmaxScale) / logitsSoftCap) : 0;
      slopes[c] = 1 - bent * bent;
    }
    this.scores.apply(products, 0, row, begin, count, contextLen, hiding);
    for (let c = 0; c < count; c++) {
      if (products[c] === -Infinity) continue;
      const kAt = this.keyAt('k', row, begin + c);
      const vAt = this.keyAt('v', row, begin + c);
      const weight = Math.exp(products[c] - shift);
      const factor = share * (dropout ? dropoutHook(dropped, dropout[1], begin + c) : 1);
      let dWeight = 0;
      for (let d = 0; d < valueHeadSize; d++) dWeight += dout[outAt + d] * v[vAt + d];
      const dScore = weight * (dWeight * factor - mean);
      this.addToScore(row, begin + c, contextLen, dScore);
      const dDot = dScore * slopes[c] * softmaxScale;
      if (dq) for (let d = 0; d < headSize; d++) dq[qAt + d] += dDot * k[kAt + d];
      if (dk) for (let d = 0; d < headSize; d++) dk[kAt + d] += dDot * q[qAt + d];
      if (dv)
        for (let d = 0; d < valueHeadSize; d++) dv[vAt + d] += weight * factor * dout[outAt + d];
    }
  }

  /** Gradients of what was added to a score. */
  private addToScore(row: Row, key: number, contextLen: number, dScore: number): void {
    const { params, dbias, dalibiSlopes, dqqBias } = this;
    const { qqBiasSize } = params;
    if (dbias) dbias[this.at('bias', row) + key * params.biasStrideKey] += dScore;
    if (dalibiSlopes) dalibiSlopes[row.head] -= dScore * Math.abs(row.position - key);
    const column = key - contextLen;
    if (dqqBias && row.index < qqBiasSize && column >= 0 && column < qqBiasSize) {
      dqqBias[row.index * qqBiasSize + column] += dScore;
    }
  }

  private at(name: 'q' | 'out' | 'lse' | 'bias', { sequence, token, head }: Row): number {
    const { params } = this;
    return (
      sequence * params[`${name}StrideBatch`] +
      token * params[`${name}StrideToken`] +
      head * params[`${name}StrideHead`]
    );
  }

  private keyAt(name: 'k' | 'v', { sequence, head }: Row, key: number): number {
    const { params } = this;
    const kvHead = Math.floor(head / (params.numHeads / params.numKvHeads));
    return (
      sequence * params[`${name}StrideBatch`] +
      key * params[`${name}StrideToken`] +
      kvHead * params[`${name}StrideHead`]
    );
  }
}

function floats(region: Region | undefined): Float32Array {
  return required(region).floats();
}

function required(region: Region | undefined): Region {
  if (region === undefined) throw new TypeError('an operand of the kernel is missing');
  return region;
}
