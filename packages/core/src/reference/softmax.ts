import type { Round } from './score.js';

/** One row's probabilities over its visible keys, with lse without and denominator with the sink. */
export interface SoftmaxRow {
  weights: Float64Array;
  lse: number;
}

/**
 * Softmax of one row. Invisible keys have score -Infinity and weight 0; a row without any visible key gives weights 0
 * and lse -Infinity. The sink adds exp(sink - m) to the denominator only.
 */
export function softmaxRow(
  round: Round,
  scores: Float64Array,
  visible: Uint8Array,
  sink: number,
): SoftmaxRow {
  let most = -Infinity;
  scores.forEach((score, j) => {
    if (visible[j]) most = Number.isNaN(score) ? NaN : Math.max(most, score);
  });
  const weights = new Float64Array(scores.length);
  if (most === -Infinity) return { weights, lse: -Infinity };
  let sum = 0;
  scores.forEach((score, j) => {
    if (!visible[j]) return;
    weights[j] = round(Math.exp(round(score - most)));
    sum = round(sum + weights[j]);
  });
  const denominator = round(sum + (sink === -Infinity ? 0 : round(Math.exp(round(sink - most)))));
  for (let j = 0; j < weights.length; j++) weights[j] = round(weights[j] / denominator);
  return { weights, lse: round(most + round(Math.log(sum))) };
}
