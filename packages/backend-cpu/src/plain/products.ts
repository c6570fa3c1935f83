/** Keys per tile. */
export const TILE_KEYS = 64;
/** Query rows that share a loaded tile. */
export const TILE_ROWS = 32;

/** s[r, c] = <q[r], k[c]> for rows of `size` lanes; four rows by two keys in registers. */
export function scoreTile(
  q: Float64Array,
  k: Float64Array,
  s: Float64Array,
  rows: number,
  keys: number,
  size: number,
): void {
  const blocked = rows & ~3;
  for (let r = 0; r < blocked; r += 4) {
    const q0 = r * size;
    const q1 = q0 + size;
    const q2 = q1 + size;
    const q3 = q2 + size;
    for (let c = 0; c < keys; c += 2) {
      const k0 = c * size;
      // An odd last key is computed twice; the surplus lands in a column that nobody reads.
      const k1 = c + 1 < keys ? k0 + size : k0;
      let s00 = 0, s01 = 0, s10 = 0, s11 = 0, s20 = 0, s21 = 0, s30 = 0, s31 = 0; // prettier-ignore
      for (let d = 0; d < size; d++) {
        const x = k[k0 + d];
        const y = k[k1 + d];
        const a = q[q0 + d];
        const b = q[q1 + d];
        const e = q[q2 + d];
        const f = q[q3 + d];
        s00 += a * x;
        s01 += a * y;
        s10 += b * x;
        s11 += b * y;
        s20 += e * x;
        s21 += e * y;
        s30 += f * x;
        s31 += f * y;
      }
      const at = r * TILE_KEYS + c;
      s[at] = s00;
      s[at + 1] = s01;
      s[at + TILE_KEYS] = s10;
      s[at + TILE_KEYS + 1] = s11;
      s[at + 2 * TILE_KEYS] = s20;
      s[at + 2 * TILE_KEYS + 1] = s21;
      s[at + 3 * TILE_KEYS] = s30;
      s[at + 3 * TILE_KEYS + 1] = s31;
    }
  }
  for (let r = blocked; r < rows; r++) {
    for (let c = 0; c < keys; c++) {
      let sum = 0;
      for (let d = 0; d < size; d++) sum += q[r * size + d] * k[c * size + d];
      s[r * TILE_KEYS + c] = sum;
    }
  }
}

/** acc[r] += sum over c of p[r, c] * v[c]; four rows by two lanes in registers. */
export function accumulateTile(
  p: Float64Array,
  v: Float64Array,
  acc: Float64Array,
  rows: number,
  keys: number,
  size: number,
): void {
  const blocked = rows & ~3;
  const paired = size & ~1;
  for (let r = 0; r < blocked; r += 4) {
    const p0 = r * TILE_KEYS;
    const p1 = p0 + TILE_KEYS;
    const p2 = p1 + TILE_KEYS;
    const p3 = p2 + TILE_KEYS;
    const a0 = r * size;
    const a1 = a0 + size;
    const a2 = a1 + size;
    const a3 = a2 + size;
    for (let d = 0; d < paired; d += 2) {
      let s00 = acc[a0 + d], s01 = acc[a0 + d + 1], s10 = acc[a1 + d], s11 = acc[a1 + d + 1]; // prettier-ignore
      let s20 = acc[a2 + d], s21 = acc[a2 + d + 1], s30 = acc[a3 + d], s31 = acc[a3 + d + 1]; // prettier-ignore
      for (let c = 0, at = d; c < keys; c++, at += size) {
        const x = v[at];
        const y = v[at + 1];
        const a = p[p0 + c];
        const b = p[p1 + c];
        const e = p[p2 + c];
        const f = p[p3 + c];
        s00 += a * x;
        s01 += a * y;
        s10 += b * x;
        s11 += b * y;
        s20 += e * x;
        s21 += e * y;
        s30 += f * x;
        s31 += f * y;
      }
      acc[a0 + d] = s00;
      acc[a0 + d + 1] = s01;
      acc[a1 + d] = s10;
      acc[a1 + d + 1] = s11;
      acc[a2 + d] = s20;
      acc[a2 + d + 1] = s21;
      acc[a3 + d] = s30;
      acc[a3 + d + 1] = s31;
    }
    if (paired < size) {
      for (let row = r; row < r + 4; row++) addLane(p, v, acc, row, keys, size, paired);
    }
  }
  for (let r = blocked; r < rows; r++) {
    for (let c = 0; c < keys; c++) addRow(p[r * TILE_KEYS + c], v, c * size, acc, r * size, size);
  }
}

/** The same where values may be NaN or infinite: what has no weight must not be touched. */
export function accumulateVisible(
  p: Float64Array,
  v: Float64Array,
  acc: Float64Array,
  rows: number,
  keys: number,
  size: number,
): void {
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < keys; c++) {
      const weight = p[r * TILE_KEYS + c];
      if (weight !== 0) addRow(weight, v, c * size, acc, r * size, size);
    }
  }
}

function addRow(
  weight: number,
  v: Float64Array,
  from: number,
  acc: Float64Array,
  to: number,
  size: number,
): void {
  for (let d = 0; d < size; d++) acc[to + d] += weight * v[from + d];
}

function addLane(
  p: Float64Array,
  v: Float64Array,
  acc: Float64Array,
  row: number,
  keys: number,
  size: number,
  lane: number,
): void {
  let sum = acc[row * size + lane];
  for (let c = 0; c < keys; c++) sum += p[row * TILE_KEYS + c] * v[c * size + lane];
  acc[row * size + lane] = sum;
}
