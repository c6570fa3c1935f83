import { gather, tensor2d, tensor3d } from '@tensorflow/tfjs-core';
import type { Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import type { RopeConfig } from '../config/rope_config.js';

/** Rotary embeddings (Su et al., RoFormer, 2021) of every position that a run can reach. */
export interface RopeTables {
  /** `[positions, 1, H]`, both halves alike. */
  cos: Tensor3D;
  sin: Tensor3D;
  /** `[H, H]`: x * turn = (-x2, x1) for x = (x1, x2), a signed permutation. One product is cheaper than cutting and joining. */
  turn: Tensor2D;
}

/** The tables' rows for a step's tokens: cos and sin `[T, 1, H]`. */
export type Rotation = RopeTables;

/** Rows for tokens at `positions` `[T]` (int32), which need not follow one another. */
export function rotationAt({ cos, sin, turn }: RopeTables, positions: Tensor1D): Rotation {
  return { cos: gather(cos, positions), sin: gather(sin, positions), turn };
}

/** Makes the tables of positions 0 to `positions` - 1 on the active tfjs backend. */
export function makeRopeTables(
  { frequencies, magnitude }: RopeFrequencies,
  positions: number,
): RopeTables {
  const half = frequencies.length;
  const headSize = 2 * half;
  const cos = new Float32Array(positions * headSize);
  const sin = new Float32Array(positions * headSize);
  for (let i = 0; i < cos.length; i++) {
    const angle = Math.floor(i / headSize) * frequencies[i % half];
    cos[i] = Math.cos(angle) * magnitude;
    sin[i] = Math.sin(angle) * magnitude;
  }
  const shape: [number, number, number] = [positions, 1, headSize];
  return { cos: tensor3d(cos, shape), sin: tensor3d(sin, shape), turn: makeTurn(headSize) };
}

function makeTurn(headSize: number): Tensor2D {
  const half = headSize / 2;
  const turn = new Float32Array(headSize * headSize);
  for (let i = 0; i < half; i++) {
    turn[(i + half) * headSize + i] = -1;
    turn[i * headSize + i + half] = 1;
  }
  return tensor2d(turn, [headSize, headSize]);
}

/** What the tables are made of. */
export interface RopeFrequencies {
  /** Radians a position, `[H / 2]`. */
  frequencies: Float64Array;
  /** Factor of cos and sin. */
  magnitude: number;
}

/**
 * Each type as Hugging Face's `modeling_rope_utils` defines it. `positions` is the longest text of the run, to which
 * 'dynamic' stretches; there it is fixed beforehand, so that all keys of a cache are turned alike.
 */
export function ropeFrequencies(
  rope: RopeConfig,
  headSize: number,
  positions: number,
): RopeFrequencies {
  const plain = powers(rope.theta, headSize);
  switch (rope.type) {
    case 'default':
      return { frequencies: plain, magnitude: 1 };
    case 'linear':
      return { frequencies: plain.map((f) => f / rope.factor), magnitude: 1 };
    case 'dynamic':
      return {
        frequencies: powers(dynamicTheta(rope, headSize, positions), headSize),
        magnitude: 1,
      };
    case 'llama3':
      return { frequencies: plain.map((f) => llama3Frequency(rope, f)), magnitude: 1 };
    case 'yarn':
      return { frequencies: yarnFrequencies(rope, headSize), magnitude: rope.attentionFactor };
    default:
      return rope satisfies never;
  }
}

/** theta^(-2i / H) */
function powers(theta: number, headSize: number): Float64Array {
  return Float64Array.from({ length: headSize / 2 }, (_, i) => theta ** ((-2 * i) / headSize));
}

/** NTK-aware base: unchanged up to the trained length. */
function dynamicTheta(
  { theta, factor, originalMaxPositions }: Extract<RopeConfig, { type: 'dynamic' }>,
  headSize: number,
  positions: number,
): number {
  const length = Math.max(positions, originalMaxPositions);
  const stretch = (factor * length) / originalMaxPositions - (factor - 1);
  return theta * stretch ** (headSize / (headSize - 2));
}

/** Long waves are slowed by the factor, short ones kept, those between blended. */
function llama3Frequency(rope: Extract<RopeConfig, { type: 'llama3' }>, frequency: number): number {
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = rope;
  const turns = (originalMaxPositions * frequency) / (2 * Math.PI);
  if (turns > highFreqFactor) return frequency;
  if (turns < lowFreqFactor) return frequency / factor;
  const kept = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return (1 - kept) * (frequency / factor) + kept * frequency;
}

/** Peng et al., YaRN, 2023: dimensions that turn often keep their frequency, slow ones are interpolated. */
function yarnFrequencies(
  rope: Extract<RopeConfig, { type: 'yarn' }>,
  headSize: number,
): Float64Array {
  const { theta, factor, originalMaxPositions, betaFast, betaSlow, truncate } = rope;
  const dimensionOf = (turns: number) =>
    (headSize * Math.log(originalMaxPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [dimensionOf(betaFast), dimensionOf(betaSlow)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  const high = Math.min(truncate ? Math.ceil(last) : last, headSize - 1);
  const width = Math.max(high - low, 0.001);
  return powers(theta, headSize).map((frequency, i) => {
    const slowed = Math.min(Math.max((i - low) / width, 0), 1);
    return slowed * (frequency / factor) + (1 - slowed) * frequency;
  });
}
