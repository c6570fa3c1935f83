import { mul, split, type Tensor2D } from '@tensorflow/tfjs-core';
import type { Activation } from './activations.js';
import { mixExperts, type ExpertWeights } from './experts.js';
import { project, type Projection } from './projection.js';

export interface GatedWeights {
  /** Gate and up side by side: `[D, 2I]`. */
  gateUp: Projection;
  down: Projection;
}

/** Either one gated block for all tokens or a mixture of experts. */
export type FeedForwardWeights = GatedWeights | ExpertWeights;

export function feedForward(
  x: Tensor2D,
  weights: FeedForwardWeights,
  activation: Activation,
): Tensor2D {
  if ('router' in weights) return mixExperts(x, weights);
  const [gate, up] = split(project(x, weights.gateUp), 2, 1) as [Tensor2D, Tensor2D];
  return project(mul(activation(gate), up), weights.down);
}
