import { broadcastTo, reshape, type Tensor } from '@tensorflow/tfjs-core';
import type { Grouping } from './layout.js';

/** Scores as a step sees them: any leading axes, then queries and keys. */
export interface ScoreView {
  lead: readonly number[];
  tokens: number;
  keys: number;
}

/**
 * A tensor that broadcasts to scores `[...lead, T, S]`, as one of rank 4 that broadcasts to `[B, N, T, S]`. Small ones stay
 * small wherever the axes allow it. `undefined` where it would widen the scores.
 */
export function alignScores(
  tensor: Tensor,
  view: ScoreView,
  grouping: Grouping,
): Tensor | undefined {
  const { lead, tokens, keys } = view;
  const missing = lead.length + 2 - tensor.rank;
  if (missing < 0) return undefined;
  const shape = [...new Array<number>(missing).fill(1), ...tensor.shape];
  const fits = [...lead, tokens, keys].every(
    (size, axis) => shape[axis] === size || shape[axis] === 1,
  );
  if (!fits) return undefined;
  const own = shape.slice(0, -2);
  const last = shape.slice(-2);
  if (own.every((size) => size === 1)) return reshape(tensor, [1, 1, ...last]);
  const { batch, heads } = grouping;
  const isPair = lead.length === 2 && lead[0] === batch && lead[1] === heads;
  if (isPair) return reshape(tensor, shape);
  const whole = reshape(tensor, shape);
  return reshape(broadcastTo(whole, [...lead, ...last]), [batch, heads, ...last]);
}
