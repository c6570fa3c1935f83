import { mayAttend, type AttentionParams, type MaskRules } from '@tfjs-attention/core/provider';
import type { AttentionRegions } from '../kernels/kernel_set.js';

/** Where a query row stands. */
export interface Row {
  readonly sequence: number;
  /** Of its sequence. */
  readonly index: number;
  /** Of the packed batch. */
  readonly token: number;
  readonly head: number;
  /** Position p. */
  readonly position: number;
}

/** Turns dot products into scores: scale, cap, bias, ALiBi, and -Infinity for what the row may not see. */
export class RowScores {
  private readonly bias: Float32Array | undefined;
  private readonly mask: Uint8Array | undefined;
  private readonly qqBias: Float32Array | undefined;
  private readonly slopes: Float32Array | undefined;
  private readonly scale: number;
  private readonly cap: number;
  /** Whether a key can be hidden by other than geometry. */
  private readonly hides: boolean;

  constructor(
    private readonly params: AttentionParams,
    operands: AttentionRegions,
  ) {
    this.bias = operands.bias?.floats();
    this.mask = operands.mask?.bytes();
    this.qqBias = operands.qqBias?.floats();
    this.slopes = operands.alibiSlopes?.floats();
    this.scale = Math.fround(params.softmaxScale);
    this.cap = Math.fround(params.logitsSoftCap);
    this.hides = this.bias !== undefined || this.mask !== undefined;
  }

  /**
   * Rewrites `count` products at `at` that belong to keys from `first` on. `rules`: positions may hide some of them.
   * `contextLen` is the sequence's keys before this step's. Returns the largest score.
   */
  apply(
    s: Float64Array,
    at: number,
    row: Row,
    first: number,
    count: number,
    contextLen: number,
    rules: MaskRules | undefined,
  ): number {
    const { scale, cap } = this;
    for (let c = at; c < at + count; c++) s[c] *= scale;
    if (cap > 0) for (let c = at; c < at + count; c++) s[c] = cap * Math.tanh(s[c] / cap);
    if (this.bias) this.addBias(s, at, row, first, count, this.bias);
    if (this.qqBias) this.addTreeBias(s, at, row, first, count, contextLen, this.qqBias);
    if (this.slopes) {
      const slope = this.slopes[row.head];
      for (let c = 0; c < count; c++) s[at + c] -= slope * Math.abs(row.position - first - c);
    }
    if (rules || this.hides) this.hide(s, at, row, first, count, rules);
    let most = -Infinity;
    for (let c = at; c < at + count; c++) if (s[c] > most) most = s[c];
    return most;
  }

  private addBias(
    s: Float64Array,
    at: number,
    row: Row,
    first: number,
    count: number,
    bias: Float32Array,
  ): void {
    const from = this.indexOf('bias', row, first);
    const stride = this.params.biasStrideKey;
    for (let c = 0; c < count; c++) s[at + c] += bias[from + c * stride];
  }

  private addTreeBias(
    s: Float64Array,
    at: number,
    row: Row,
    first: number,
    count: number,
    contextLen: number,
    qqBias: Float32Array,
  ): void {
    const { qqBiasSize } = this.params;
    if (row.index >= qqBiasSize) return;
    const begin = Math.max(0, contextLen - first);
    const end = Math.min(count, contextLen + qqBiasSize - first);
    const from = row.index * qqBiasSize + first - contextLen;
    for (let c = begin; c < end; c++) {
      const bias = qqBias[from + c];
      s[at + c] = bias === -Infinity ? -Infinity : s[at + c] + bias;
    }
  }

  private hide(
    s: Float64Array,
    at: number,
    row: Row,
    first: number,
    count: number,
    rules: MaskRules | undefined,
  ): void {
    const { params, bias, mask } = this;
    const biasAt = bias ? this.indexOf('bias', row, first) : 0;
    const maskAt = mask ? this.indexOf('mask', row, first) : 0;
    for (let c = 0; c < count; c++) {
      const visible =
        (mask === undefined || mask[maskAt + c * params.maskStrideKey] !== 0) &&
        (bias === undefined || bias[biasAt + c * params.biasStrideKey] !== -Infinity) &&
        (rules === undefined || mayAttend(rules, row.position, first + c));
      if (!visible) s[at + c] = -Infinity;
    }
  }

  private indexOf(name: 'bias' | 'mask', row: Row, key: number): number {
    const { params } = this;
    return (
      row.sequence * params[`${name}StrideBatch`] +
      row.head * params[`${name}StrideHead`] +
      row.token * params[`${name}StrideToken`] +
      key * params[`${name}StrideKey`]
    );
  }
}
