import { concat, reshape, tile, type Tensor } from '@tensorflow/tfjs-core';
import type { LatentProjections } from '../backends/mla/projections.js';
import { check, checkTensor, shapeText } from '../problem/checks.js';
import type { MLAAttentionConfig } from './mla_config.js';

/** The inputs of latent attention, heads apart: `[*, N, P+R]`, `[*, L]`, `[*, R]`. */
export interface LatentInputs {
  q: Tensor;
  kvC: Tensor;
  kPe: Tensor;
  /** Axes in front, e.g. [B, S] or [T]. */
  leading: readonly number[];
}

/** Reads `[q, kvCNormed, kPe]` in whichever form they come. */
export function latentHeads(
  op: string,
  inputs: readonly Tensor[],
  config: MLAAttentionConfig,
): LatentInputs {
  const { numHeads, qkNopeHeadDim, qkRopeHeadDim, kvLoraRank } = config;
  check(
    inputs.length === 3,
    op,
    () => `inputs must be [q, kvCNormed, kPe], got ${inputs.length} tensors`,
  );
  const [q, kvC, kPe] = inputs;
  checkTensor(kvC, op, 'kvCNormed', kvC?.rank, '[*, L]');
  const leading = kvC.shape.slice(0, -1);
  const count = leading.reduce((product, axis) => product * axis, 1);
  const size = qkNopeHeadDim + qkRopeHeadDim;
  check(
    kvC.rank >= 2 && kvC.shape[kvC.rank - 1] === kvLoraRank,
    op,
    () => `kvCNormed must be [*, L] with L = ${kvLoraRank}, got ${shapeText(kvC.shape)}`,
  );
  const fits = (x: Tensor, tails: readonly (readonly number[])[]) =>
    tails.some((tail) => x.shape.join() === [...leading, ...tail].join());
  checkTensor(q, op, 'q', q?.rank, '[*, N*(P+R)] or [*, N, P+R]');
  check(
    fits(q, [[numHeads * size], [numHeads, size]]),
    op,
    () =>
      `q must be ${shapeText([...leading, numHeads * size])} or ${shapeText([...leading, numHeads, size])}, got ${shapeText(q.shape)}`,
  );
  checkTensor(kPe, op, 'kPe', kPe?.rank, '[*, R] or [*, 1, R]');
  check(
    fits(kPe, [[qkRopeHeadDim], [1, qkRopeHeadDim]]),
    op,
    () =>
      `kPe must be ${shapeText([...leading, qkRopeHeadDim])}, with or without a head axis of 1, got ${shapeText(kPe.shape)}`,
  );
  check(count > 0, op, () => `there must be a token, got ${shapeText(kvC.shape)}`);
  return {
    q: reshape(q, [...leading, numHeads, size]),
    kvC,
    kPe: reshape(kPe, [...leading, qkRopeHeadDim]),
    leading,
  };
}

/** Latents as keys `[*, N, P+R]` and values `[*, N, V]`. */
export function expandedHeads(
  { q, kvC, kPe, leading }: LatentInputs,
  projections: LatentProjections,
  { numHeads, kvLoraRank, qkRopeHeadDim, qkNopeHeadDim, vHeadDim }: MLAAttentionConfig,
): { q: Tensor; k: Tensor; v: Tensor } {
  const [nope, value] = projections.expand(reshape(kvC, [-1, kvLoraRank]));
  const rope = tile(reshape(kPe, [-1, 1, qkRopeHeadDim]), [1, numHeads, 1]);
  return {
    q,
    k: reshape(concat([nope, rope], -1), [...leading, numHeads, qkNopeHeadDim + qkRopeHeadDim]),
    v: reshape(value, [...leading, numHeads, vHeadDim]),
  };
}
