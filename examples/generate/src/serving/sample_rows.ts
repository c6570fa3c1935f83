import { argMax, concat, slice, tidy, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core';
import { makeSampler, type Sampling } from '../runner/sampler.js';

/** Who a row of scores belongs to. */
export interface SampledRow {
  /** Place of the request among all. */
  index: number;
  /** Tokens that it has generated so far. */
  step: number;
}

/**
 * Chooses a token for each row of scores `[W, V]` on the device: ids `[W]`, int32. A row's choice does not depend on the
 * rows beside it: the request with index i draws as a run of its own with `seed + i` does.
 */
export function sampleRows(
  scores: Tensor2D,
  rows: readonly SampledRow[],
  sampling: Sampling,
): Tensor1D {
  if (sampling.kind === 'greedy') return tidy(() => argMax(scores, 1));
  return tidy(() =>
    concat(
      rows.map(({ index, step }, row) => {
        const sampler = makeSampler({ ...sampling, seed: seedOf(sampling.seed, index) });
        return sampler(slice(scores, [row, 0], [1, -1]), step);
      }),
    ),
  );
}

/** Stays within what `--seed` takes. */
function seedOf(seed: number, index: number): number {
  return (seed + index) % 2 ** 31;
}
