/** Rounds to the precision that is played: identity for float64, Math.fround for float32. */
export type Round = (x: number) => number;

/** An array whose elements round what is stored in them as `round` does: a call a number would take most of the time. */
export function cells(round: Round, count: number): Float32Array | Float64Array {
  const third = 1 / 3;
  return round(third) === third ? new Float64Array(count) : new Float32Array(count);
}

/** softmaxScale * <q, k> of two rows that begin at qAt and kAt, summed in order; `at` is two {@link cells}. */
export function dotHook(
  at: Float32Array | Float64Array,
  size: number,
  scale: number,
  q: ArrayLike<number>,
  qAt: number,
  k: ArrayLike<number>,
  kAt: number,
): number {
  at[0] = 0;
  for (let lane = 0; lane < size; lane++) {
    at[1] = q[qAt + lane] * k[kAt + lane];
    at[0] += at[1];
  }
  at[0] *= scale;
  return at[0];
}

/** cap * tanh(s / cap) (Gemma 2). */
export function softCapHook(round: Round, cap: number, score: number): number {
  return cap > 0 ? round(cap * round(Math.tanh(round(score / cap)))) : score;
}

/** d softCapHook / d score: 1 - tanh(s / cap)^2. */
export function softCapSlope(round: Round, cap: number, score: number): number {
  if (cap === 0) return 1;
  const bent = round(Math.tanh(round(score / cap)));
  return round(1 - round(bent * bent));
}

/** s + bias; bias of -Infinity hides the key whatever s is. */
export function biasHook(round: Round, bias: number, score: number): number {
  return bias === -Infinity ? -Infinity : round(score + bias);
}

/** -slope * |p - j| (Press et al., ALiBi, 2022). */
export function alibiHook(
  round: Round,
  slope: number,
  p: number,
  j: number,
  score: number,
): number {
  return round(score - round(slope * Math.abs(p - j)));
}
