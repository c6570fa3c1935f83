import { paddedColumns, paddedRows, TILE_KEYS, TILE_ROWS } from './products.js';

/** Running softmax of a block of rows: maximum m, sum l, and unnormalised outputs (Milakov and Gimelshein, 2018). */
export class SoftmaxState {
  private readonly m = new Float64Array(TILE_ROWS);
  private readonly l = new Float64Array(TILE_ROWS);
  readonly acc: Float64Array;
  /** From one row of `acc` to the next. */
  readonly stride: number;

  constructor(private readonly size: number) {
    this.stride = paddedColumns(size);
    this.acc = new Float64Array(TILE_ROWS * this.stride);
  }

  clear(rows: number): void {
    this.m.fill(-Infinity, 0, rows);
    this.l.fill(0, 0, rows);
    this.acc.fill(0, 0, paddedRows(rows) * this.stride);
  }

  /** Turns a row's scores, the largest of which is `most`, into weights, and rescales what was summed before. */
  weigh(row: number, s: Float64Array, count: number, most: number): void {
    const at = row * TILE_KEYS;
    const before = this.m[row];
    const m = Math.max(before, most);
    if (m === -Infinity) {
      // Nothing to see; a NaN score is none of the hidden ones and must show.
      for (let c = at; c < at + count; c++) s[c] = Number.isNaN(s[c]) ? NaN : 0;
      for (let c = at; c < at + count; c++) this.l[row] += s[c];
      return;
    }
    let sum = 0;
    for (let c = at; c < at + count; c++) {
      const weight = Math.exp(s[c] - m);
      s[c] = weight;
      sum += weight;
    }
    if (m !== before) this.rescale(row, Math.exp(before - m));
    this.m[row] = m;
    this.l[row] += sum;
  }

  private rescale(row: number, factor: number): void {
    const { acc, stride } = this;
    this.l[row] *= factor;
    for (let d = row * stride; d < (row + 1) * stride; d++) acc[d] *= factor;
  }

  /** Writes a row's output and returns its lse. The sink is in the denominator only. */
  finish(row: number, sink: number, out: Float32Array, at: number): number {
    const { acc, size, stride } = this;
    const m = this.m[row];
    const l = this.l[row];
    if (l === 0) {
      out.fill(0, at, at + size);
      return -Infinity;
    }
    const share = 1 / (l + Math.exp(sink - m));
    for (let d = 0; d < size; d++) out[at + d] = acc[row * stride + d] * share;
    return m + Math.log(l);
  }
}
