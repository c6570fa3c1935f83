import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { expect, test } from '@jest/globals';
import { describeDense } from '../problem/dense.js';
import type { FlashAttentionOptions } from '../problem/options.js';
import { referenceAttention, type ReferenceInputs } from './attention.js';
import { referenceBackward } from './backward.js';

const STEP = 1e-5;
const [B, Q, S, N, K, H, HV] = [2, 4, 6, 4, 2, 3, 2];

/** Numbers that look like none of each other. */
const numbers = (count: number, seed: number) =>
  Float64Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) * 1.3);

const OPERANDS = {
  q: numbers(B * Q * N * H, 1),
  k: numbers(B * S * K * H, 2),
  v: numbers(B * S * K * HV, 3),
  bias: numbers(N * Q * S, 4).map((x, i) => (i % 7 === 0 ? -Infinity : x)),
  alibiSlopes: numbers(N, 5),
  sinks: numbers(N, 6),
  qqBias: numbers(9, 7),
};
type Operand = keyof typeof OPERANDS;

const dout = numbers(B * Q * N * HV, 8);
const dlse = numbers(B * Q * N, 9);

const f32 = (x: Float64Array) => Float32Array.from(x);
const tensor = (x: Float64Array, shape: number[]) => tf.tensor(f32(x), shape);

function problemOf(options: FlashAttentionOptions, uses: readonly Operand[]) {
  const { q, k, v, bias, alibiSlopes, sinks, qqBias } = OPERANDS;
  const { problem } = describeDense(
    'test',
    tensor(q, [B, Q, N, H]),
    tensor(k, [B, S, K, H]),
    tensor(v, [B, S, K, HV]),
    {
      ...options,
      ...(uses.includes('bias') && { bias: tensor(bias, [N, Q, S]) }),
      ...(uses.includes('alibiSlopes') && { alibiSlopes: f32(alibiSlopes) }),
      ...(uses.includes('sinks') && { sinks: f32(sinks) }),
      ...(uses.includes('qqBias') && { qqBias: tensor(qqBias, [3, 3]) }),
    },
  );
  return problem;
}

function inputsOf(uses: readonly Operand[], moved: Partial<Record<Operand, Float64Array>>) {
  const { q, k, v, ...more } = { ...OPERANDS, ...moved };
  const used = Object.entries(more).filter(([name]) => uses.includes(name as Operand));
  const inputs: ReferenceInputs = {
    q,
    key: (b, j, head, lane) => k[((b * S + j) * K + head) * H + lane],
    value: (b, j, head, lane) => v[((b * S + j) * K + head) * HV + lane],
    ...Object.fromEntries(used),
  };
  return inputs;
}

const CASES: readonly [string, FlashAttentionOptions, readonly Operand[]][] = [
  ['grouped heads', {}, []],
  ['causal, soft cap', { causal: true, logitsSoftCap: 1.2 }, []],
  ['bias of -Infinity, ALiBi', {}, ['bias', 'alibiSlopes']],
  ['sinks, window', { slidingWindow: 3 }, ['sinks']],
  ['tree bias, lengths', { kvLens: Int32Array.of(6, 3) }, ['qqBias', 'sinks']],
  ['a row that sees nothing', { kvLens: Int32Array.of(0, 6) }, ['sinks', 'bias']],
  ['dropout', { dropoutRate: 0.4, dropoutSeed: 3 }, []],
  ['dropout and all else', { dropoutRate: 0.2, dropoutSeed: -9, causal: true, logitsSoftCap: 2 }, ['bias', 'alibiSlopes', 'sinks', 'qqBias']],
]; // prettier-ignore

test.each(CASES)('central differences agree: %s', (_, options, uses) => {
  const problem = problemOf(options, uses);
  const loss = (moved: Partial<Record<Operand, Float64Array>>) => {
    const { output, lse } = referenceAttention(problem, inputsOf(uses, moved));
    const pulled = output.reduce((sum, x, i) => sum + x * dout[i], 0);
    return lse.reduce((sum, x, i) => (x === -Infinity ? sum : sum + x * dlse[i]), pulled);
  };
  const gradients = referenceBackward(problem, inputsOf(uses, {}), dout, dlse);
  for (const name of ['q', 'k', 'v', ...uses] as const) {
    const found = gradients[name] as Float64Array;
    expect(found).toHaveLength(OPERANDS[name].length);
    OPERANDS[name].forEach((x, at) => {
      if (x === -Infinity) return expect(found[at]).toBe(0);
      const by = (step: number) =>
        loss({ [name]: OPERANDS[name].map((y, i) => (i === at ? x + step : y)) });
      const slope = (by(STEP) - by(-STEP)) / (2 * STEP);
      expect(Math.abs(found[at] - slope)).toBeLessThan(1e-8 * (1 + Math.abs(slope)));
    });
  }
});

test('dropout drops the share that was asked for, another one with another seed', () => {
  const dropped = (dropoutSeed: number) => {
    const one = tf.ones([1, 64, 1, 1]);
    const wide = tf.ones([1, 512, 1, 1]);
    const { problem } = describeDense('test', one, wide, wide, { dropoutRate: 0.25, dropoutSeed });
    const { output } = referenceAttention(problem, {
      q: one.dataSync(),
      key: () => 1,
      value: () => 1,
    });
    return output;
  };
  const outputs = dropped(1);
  // 64 * 512 draws: a mean of 1 with a standard deviation of sqrt(0.25 / 0.75 / 32768) = 0.0032.
  expect(Math.abs(outputs.reduce((sum, x) => sum + x, 0) / 64 - 1)).toBeLessThan(0.013);
  expect(new Set(outputs).size).toBeGreaterThan(16);
  expect([...dropped(2)]).not.toEqual([...outputs]);
  expect([...dropped(1)]).toEqual([...outputs]);
});

test.each([
  [{ dropoutRate: 1, dropoutSeed: 0 }, /dropoutRate must lie in \[0, 1\), got 1/],
  [{ dropoutRate: NaN, dropoutSeed: 0 }, /dropoutRate/],
  [{ dropoutRate: 0.1 }, /needs a dropoutSeed/],
  [{ dropoutRate: 0.1, dropoutSeed: 0.5 }, /dropoutSeed must be an int32/],
])('%j is refused', (options, message) => {
  expect(() => problemOf(options, [])).toThrow(message);
});
