/** Rounds to the precision that is played: identity for float64, Math.fround for float32. */
export type Round = (x: number) => number;

/** softmaxScale * <q, k>, summed in order. */
export function dotHook(
  round: Round,
  size: number,
  scale: number,
  q: (lane: number) => number,
  k: (lane: number) => number,
): number {
  let sum = 0;
  for (let lane = 0; lane < size; lane++) sum = round(sum + round(q(lane) * k(lane)));
  return round(sum * scale);
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
