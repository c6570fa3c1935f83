import type { MergeRegions } from '../kernels/kernel_set.js';

/** Merges two attention states, row by row. */
export function plainMergeStates(
  regions: MergeRegions,
  rows: number,
  heads: number,
  size: number,
): void {
  const outputA = regions.outputA.floats();
  const outputB = regions.outputB.floats();
  const lseA = regions.lseA.floats();
  const lseB = regions.lseB.floats();
  const sinks = regions.sinks?.floats();
  const output = regions.output.floats();
  const lse = regions.lse.floats();
  for (let row = 0; row < rows * heads; row++) {
    const a = empty(lseA[row]) ? -Infinity : lseA[row];
    const b = empty(lseB[row]) ? -Infinity : lseB[row];
    const m = Math.max(a, b);
    const at = row * size;
    if (m === -Infinity) {
      output.fill(0, at, at + size);
      lse[row] = -Infinity;
      continue;
    }
    const weightA = Math.exp(a - m);
    const weightB = Math.exp(b - m);
    const sum = weightA + weightB;
    lse[row] = m + Math.log(sum);
    const share = 1 / (sum + (sinks ? Math.exp(sinks[row % heads] - m) : 0));
    for (let d = at; d < at + size; d++) {
      // A part without weight may hold anything.
      const partA = weightA === 0 ? 0 : outputA[d] * weightA;
      const partB = weightB === 0 ? 0 : outputB[d] * weightB;
      output[d] = (partA + partB) * share;
    }
  }
}

/** A row that saw no key; some kernels say so with +Infinity. */
function empty(lse: number): boolean {
  return lse === Infinity || lse === -Infinity;
}
