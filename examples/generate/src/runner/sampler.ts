import {
  argMax,
  cast,
  cumsum,
  div,
  gather,
  lessEqual,
  minimum,
  randomUniform,
  reshape,
  softmax,
  sum,
  tidy,
  topk,
  type Rank,
  type Tensor1D,
  type Tensor2D,
} from '@tensorflow/tfjs-core';

/** How the next token is chosen. */
export type Sampling =
  | { kind: 'greedy' }
  | {
      kind: 'random';
      temperature: number;
      /** Only the k likeliest tokens take part; null = all. */
      topK: number | null;
      /** The same seed gives the same text. */
      seed: number;
    };

/** Chooses from scores `[1, V]` on the device: a token id `[1]`, int32. `step` counts the tokens of a run. */
export type Sampler = (scores: Tensor2D, step: number) => Tensor1D;

export function makeSampler(sampling: Sampling): Sampler {
  switch (sampling.kind) {
    case 'greedy':
      return (scores) => tidy(() => argMax(scores, 1));
    case 'random':
      return (scores, step) => tidy(() => sample(scores, step, sampling));
    default:
      return sampling satisfies never;
  }
}

/** Inverts the cumulative distribution at a random number. */
function sample(
  scores: Tensor2D,
  step: number,
  { temperature, topK, seed }: Extract<Sampling, { kind: 'random' }>,
): Tensor1D {
  const vocabSize = scores.shape[1];
  const best = topK === null ? undefined : topk(scores, Math.min(topK, vocabSize));
  const kept = best?.values ?? scores;
  const reached = cumsum(softmax(div(kept, temperature)), 1);
  const drawn = randomUniform([1, 1], 0, 1, 'float32', `${seed}/${step}`);
  const passed = sum(cast(lessEqual(reached, drawn), 'int32'), 1);
  // Rounding may leave the whole sum below a number close to 1.
  const place: Tensor1D = minimum(passed, kept.shape[1] - 1);
  const index = cast(place, 'int32');
  return best === undefined ? index : gather(reshape<Rank.R1>(best.indices, [-1]), index);
}
