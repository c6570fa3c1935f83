/** Keys per tile. */
export const TILE_KEYS = 64;
/** Query rows that share a loaded tile, in whole panels. */
export const TILE_ROWS = 64;
/** Rows of a left panel and columns of a right one: 8 sums and 6 operands fit in the registers. */
const PANEL_ROWS = 4;
const PANEL_COLUMNS = 2;

/** Whole panels. */
export function paddedRows(rows: number): number {
  return Math.ceil(rows / PANEL_ROWS) * PANEL_ROWS;
}

export function paddedColumns(columns: number): number {
  return Math.ceil(columns / PANEL_COLUMNS) * PANEL_COLUMNS;
}

/** Where element i of row r lies in a left operand with `depth` elements a row: panels of four rows, interleaved. */
export function leftIndex(r: number, i: number, depth: number): number {
  return (r - (r % PANEL_ROWS)) * depth + i * PANEL_ROWS + (r % PANEL_ROWS);
}

/** Where element i of column c lies in a right operand with `depth` elements a column: panels of two, interleaved. */
export function rightIndex(c: number, i: number, depth: number): number {
  return (c - (c % PANEL_COLUMNS)) * depth + i * PANEL_COLUMNS + (c % PANEL_COLUMNS);
}

/**
 * out[r, c] += sum over i < length of left[r, i] * right[c, i]. Rows are rounded up to whole panels and columns to
 * pairs, so `out` has room for those; what they hold means nothing. Interleaved operands take one index each: V8 checks
 * bounds at every access, but adds no constants.
 */
export function addProducts(
  left: Float64Array,
  leftDepth: number,
  right: Float64Array,
  rightDepth: number,
  out: Float64Array,
  stride: number,
  rows: number,
  columns: number,
  length: number,
): void {
  for (let r = 0; r < rows; r += PANEL_ROWS) {
    for (let c = 0; c < columns; c += PANEL_COLUMNS) {
      const o0 = r * stride + c;
      const o1 = o0 + stride;
      const o2 = o1 + stride;
      const o3 = o2 + stride;
      let s00 = out[o0], s01 = out[o0 + 1], s10 = out[o1], s11 = out[o1 + 1]; // prettier-ignore
      let s20 = out[o2], s21 = out[o2 + 1], s30 = out[o3], s31 = out[o3 + 1]; // prettier-ignore
      let i = (r * leftDepth) | 0;
      let j = (c * rightDepth) | 0;
      for (const end = (i + PANEL_ROWS * length) | 0; i < end; i = (i + PANEL_ROWS) | 0) {
        const x = right[j];
        const y = right[(j + 1) | 0];
        const a = left[i];
        const b = left[(i + 1) | 0];
        const e = left[(i + 2) | 0];
        const f = left[(i + 3) | 0];
        s00 += a * x;
        s01 += a * y;
        s10 += b * x;
        s11 += b * y;
        s20 += e * x;
        s21 += e * y;
        s30 += f * x;
        s31 += f * y;
        j = (j + PANEL_COLUMNS) | 0;
      }
      out[o0] = s00;
      out[o0 + 1] = s01;
      out[o1] = s10;
      out[o1 + 1] = s11;
      out[o2] = s20;
      out[o2 + 1] = s21;
      out[o3] = s30;
      out[o3 + 1] = s31;
    }
  }
}

/** Rows [r][TILE_KEYS] as a left operand. */
export function packRows(from: Float64Array, to: Float64Array, rows: number, length: number): void {
  for (let r = 0; r < rows; r++) {
    let at = leftIndex(r, 0, TILE_KEYS);
    for (let i = r * TILE_KEYS; i < r * TILE_KEYS + length; i++, at += PANEL_ROWS) to[at] = from[i];
  }
}

/** acc[r] += sum over c of p[r, c] * v[c] where values may be NaN or infinite: what has no weight is not touched. */
export function accumulateVisible(
  p: Float64Array,
  v: Float64Array,
  acc: Float64Array,
  stride: number,
  rows: number,
  keys: number,
  size: number,
): void {
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < keys; c++) {
      const weight = p[r * TILE_KEYS + c];
      if (weight === 0) continue;
      for (let d = 0; d < size; d++) acc[r * stride + d] += weight * v[rightIndex(d, c, TILE_KEYS)];
    }
  }
}
