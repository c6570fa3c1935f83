import {
  add,
  clipByValue,
  expandDims,
  gather,
  matMul,
  minimum,
  mul,
  oneHot,
  reshape,
  sigmoid,
  softmax,
  split,
  sum,
  tile,
  topk,
  transpose,
  type Rank,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
} from '@tensorflow/tfjs-core';
import type { ExpertsConfig } from '../config/experts_config.js';
import { project, type Projection } from './projection.js';

/** The same projection of several experts: matrix `[E, in, out]`, bias `[E, 1, out]`. */
export interface ExpertProjection {
  matrix: Tensor3D;
  bias: Tensor3D;
}

export interface ExpertWeights {
  config: ExpertsConfig;
  /** `[D, E]` */
  router: Projection;
  /** Gates and ups side by side: out = 2I. */
  gateUp: ExpertProjection;
  down: ExpertProjection;
}

/** Steepness of the gate: x * sigmoid(1.702 x) is close to GELU. */
const ALPHA = 1.702;

/**
 * Sends each token of x `[T, D]` to the experts that score highest and adds what they answer, weighted by the softmax of
 * those scores. The choice stays on the device: few tokens gather the weights of their experts, many run through all.
 */
export function mixExperts(x: Tensor2D, weights: ExpertWeights): Tensor2D {
  const { count, perToken } = weights.config;
  // Gathering copies what it chooses: it pays where most experts are idle.
  const isFew = 4 * x.shape[0] * perToken <= count;
  const best = topk(project(x, weights.router), perToken);
  const shares = softmax(best.values);
  const chosen = best.indices;
  return isFew ? gathered(x, weights, chosen, shares) : everywhere(x, weights, chosen, shares);
}

function gathered(
  x: Tensor2D,
  { gateUp, down, config }: ExpertWeights,
  chosen: Tensor2D,
  shares: Tensor2D,
): Tensor2D {
  const [tokens, perToken] = chosen.shape;
  const experts: Tensor1D = reshape(chosen, [-1]);
  const pick = ({ matrix, bias }: ExpertProjection) => ({
    matrix: gather(matrix, experts),
    bias: gather(bias, experts),
  });
  const each = reshape<Rank.R3>(tile(expandDims(x, 1), [1, perToken, 1]), [-1, 1, x.shape[1]]);
  const answers = answer(each, pick(gateUp), pick(down), config.limit);
  const byToken = reshape(answers, [tokens, perToken, -1]);
  return sum(mul(byToken, expandDims(shares, 2)), 1);
}

function everywhere(
  x: Tensor2D,
  { gateUp, down, config }: ExpertWeights,
  chosen: Tensor2D,
  shares: Tensor2D,
): Tensor2D {
  const numExperts = gateUp.matrix.shape[0];
  const shareOf: Tensor2D = sum(mul(oneHot(chosen, numExperts), expandDims(shares, 2)), 1);
  const answers = answer(expandDims(x, 0), gateUp, down, config.limit);
  return sum(mul(answers, expandDims(transpose(shareOf), 2)), 0);
}

/** `[E, T, D]` of x `[E or 1, T, D]`. */
function answer(
  x: Tensor,
  gateUp: ExpertProjection,
  down: ExpertProjection,
  limit: number,
): Tensor {
  const [gate, up] = split(add(matMul(x, gateUp.matrix), gateUp.bias), 2, 2);
  const cut = minimum(gate, limit);
  const glu = mul(cut, sigmoid(mul(cut, ALPHA)));
  const lifted = add(clipByValue(up, -limit, limit), 1);
  return add(matMul(mul(lifted, glu), down.matrix), down.bias);
}
