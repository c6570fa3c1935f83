import { describe, expect, test } from '@jest/globals';
import { matMul, setBackend } from '@tensorflow/tfjs-core';
import { JsonObject } from '../checkpoint/json_object.js';
import { makeRopeTables, ropeFrequencies } from './rope.js';
import { maxPositions, readRope } from '../config/rope_config.js';
import '../tf_backend.js';

const DEFAULTS = { ropeTheta: 10000, maxPositions: 2048 };
const read = (values: Record<string, unknown>) =>
  readRope(new JsonObject('config.json', values), DEFAULTS);

/** Numbers from a scalar Python port of transformers' `modeling_rope_utils`. */
const PLAIN = [1, 0.31622777, 0.1, 0.031622777, 0.01, 0.0031622777, 0.001, 0.00031622777];
const TABLE = [
  ['default', { rope_theta: 10000 }, 64, PLAIN],
  ['linear', { rope_scaling: { type: 'linear', factor: 4 } }, 64, PLAIN.map((f) => f / 4)],
  [
    'dynamic within the trained length',
    { max_position_embeddings: 64, rope_scaling: { rope_type: 'dynamic', factor: 2 } },
    50,
    PLAIN,
  ],
  [
    'dynamic beyond it',
    { max_position_embeddings: 64, rope_scaling: { rope_type: 'dynamic', factor: 2 } },
    256,
    [
      1, 0.23948136, 0.05735132, 0.013734572, 0.0032891739, 0.00078769582, 0.00018863846,
      4.5175395e-5,
    ],
  ],
  [
    'llama3',
    {
      rope_parameters: {
        rope_type: 'llama3',
        rope_theta: 500000,
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 64,
      },
    },
    64,
    [
      1, 0.079403009, 0.0047007539, 0.00091158309, 0.0001767767, 3.4281022e-5, 6.6478699e-6,
      1.2891732e-6,
    ],
  ],
  [
    'yarn',
    { rope_parameters: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 2048 } },
    64,
    [1, 0.31622777, 0.1, 0.025693506, 0.00625, 0.0013834965, 0.00025, 7.9056942e-5],
  ],
  [
    'yarn without truncation',
    { max_position_embeddings: 2048, rope_scaling: { type: 'yarn', factor: 4, truncate: false } },
    64,
    [1, 0.31622777, 0.1, 0.023870192, 0.0050569715, 0.00081129038, 0.00025, 7.9056942e-5],
  ],
] as const;

test.each(TABLE)('frequencies of %s', (_, config, positions, expected) => {
  const { frequencies } = ropeFrequencies(read(config), 16, positions);
  frequencies.forEach((frequency, i) => expect(frequency / expected[i]).toBeCloseTo(1, 6));
});

describe('yarn magnitude', () => {
  const yarn = (more: object) =>
    ropeFrequencies(read({ rope_scaling: { type: 'yarn', factor: 4, ...more } }), 16, 8).magnitude;

  test('grows with the factor', () => expect(yarn({})).toBeCloseTo(1.138629436111989, 12));
  test('may be given', () => expect(yarn({ attention_factor: 0.7 })).toBe(0.7));
  test('is the quotient of an mscale pair', () =>
    expect(yarn({ mscale: 1, mscale_all_dim: 0.5 })).toBeCloseTo(1.138629436 / 1.069314718, 8));
});

test('tables hold cos and sin of both halves, the turn is (-x2, x1)', async () => {
  await setBackend('cpu');
  const frequencies = Float64Array.of(1, 0.5);
  const { cos, sin, turn } = makeRopeTables({ frequencies, magnitude: 2 }, 3);
  expect(cos.shape).toEqual([3, 1, 4]);
  const wave = (f: (angle: number) => number) => [2, 1, 2, 1].map((angle) => 2 * f(angle));
  cos.arraySync()[2][0].forEach((x, i) => expect(x).toBeCloseTo(wave(Math.cos)[i], 6));
  sin.arraySync()[2][0].forEach((x, i) => expect(x).toBeCloseTo(wave(Math.sin)[i], 6));
  expect([...matMul([[1, 2, 3, 4]], turn).dataSync()]).toEqual([-3, -4, 1, 2]);
});

test('reachable positions follow the scaling', () => {
  expect(maxPositions(read({ rope_theta: 5 }), 100)).toBe(100);
  expect(maxPositions(read({ rope_scaling: { type: 'linear', factor: 4 } }), 100)).toBe(400);
  const yarn = { type: 'yarn', factor: 4, original_max_position_embeddings: 50 };
  expect(maxPositions(read({ rope_scaling: yarn }), 100)).toBe(200);
});

test.each([
  [{ rope_scaling: { type: 'longrope' } }, /config.json: rope_scaling: rope_type 'longrope'/],
  [{ rope_scaling: { type: 'linear' } }, /rope_scaling: factor must be a number, got undefined/],
  [{ rope_theta: -1 }, /config.json: rope_theta must be a number > 0, got -1/],
  [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor must be 1/],
  [{ rope_parameters: { partial_rotary_factor: 0.25 } }, /rope_parameters: partial_rotary_factor/],
  [{ rope_scaling: { type: 'default', mrope_section: [2, 3, 3] } }, /mrope_section is not supp/],
  [{ rope_parameters: { full_attention: {} } }, /full_attention has parameters of its own/],
  [{ rope_scaling: { factor: 4 } }, /rope_scaling: has a factor but no rope_type/],
])('refuses %j', (config, message) => expect(() => read(config)).toThrow(message));
