import '@tensorflow/tfjs-backend-cpu';
import '@tfjs-attention/backend-cpu';
import { expect, test } from '@jest/globals';
import {
  abs,
  max,
  randomNormal,
  randomUniform,
  sub,
  tidy,
  type Tensor,
} from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import type { AttentionProgram, Operand, Step } from '../program/program.js';
import { planFused } from './fused.js';
import { stockAttention } from './stock.js';

/** Leading axes of queries and of keys that attention may have. */
const LEADS = [
  { query: [], key: [] },
  { query: [3], key: [3] },
  { query: [3], key: [1] },
  { query: [2, 4], key: [2, 4] },
  { query: [2, 4], key: [2, 1] },
  { query: [2, 4], key: [2, 2], repeat: 2 },
  { query: [2, 2, 3], key: [2, 2, 1] },
  { query: [2, 2, 3], key: [2, 2, 3] },
];

type Draw = <T>(arbitrary: fc.Arbitrary<T>) => T;

/** An input whose axes lie in any order, and how they become the canonical ones. */
function operand(
  draw: Draw,
  shape: number[],
  repeat?: number,
): { tensor: Tensor; operand: Operand } {
  const order = draw(fc.shuffledSubarray(shape.map((_, axis) => axis), { minLength: shape.length })); // prettier-ignore
  const tensor = randomNormal(order.map((axis) => shape[axis]));
  const axes = shape.map((_, axis) => order.indexOf(axis));
  return { tensor, operand: { axes, ...(repeat === undefined ? {} : { repeat }) } };
}

/** Scores' axes, some of them 1, the first of them maybe missing. */
function maskShape(draw: Draw, scores: number[]): number[] {
  const shape = scores.map((size) => (draw(fc.boolean()) ? size : 1));
  return shape.slice(draw(fc.nat(scores.length - 1)));
}

function steps(draw: Draw, scores: number[], inputs: Tensor[]): Step[] {
  const add = (tensor: Tensor) => inputs.push(tensor) - 1;
  const kinds = fc.constantFrom('scale', 'multiply', 'divide', 'tanh', 'add', 'subtract', 'select', 'causal', 'reshape'); // prettier-ignore
  return draw(fc.array(kinds, { maxLength: 5 })).map((op): Step => {
    switch (op) {
      case 'scale':
        return { op, by: draw(fc.constantFrom(0.3, 2, -0.5)) };
      case 'multiply':
      case 'divide':
        return { op, input: add(randomUniform(draw(fc.constantFrom([], [1])), 0.5, 2)) };
      case 'add':
      case 'subtract':
        return { op, input: add(randomNormal(maskShape(draw, scores))) };
      case 'select': {
        const input = add(randomUniform(maskShape(draw, scores), 0, 2, 'bool'));
        return { op, input, keep: draw(fc.boolean()), fill: draw(fc.constantFrom(-1e9, -1e4)) };
      }
      case 'causal':
        return {
          op,
          offset: draw(fc.nat(3)),
          fill: -1e9,
          ...(draw(fc.boolean()) ? { left: 1 } : {}),
        };
      case 'tanh':
        return { op };
      case 'reshape':
        return { op, shape: scores.map((size, axis) => (axis === 0 ? -1 : size)) };
    }
  });
}

test('what is fused agrees with the ops of the graph, whatever the axes and steps', () => {
  let fused = 0;
  const scenario = fc.gen().map((generate) => {
    const draw: Draw = (arbitrary) => generate(() => arbitrary);
    const { query, key, repeat } = draw(fc.constantFrom(...LEADS));
    const [tokens, keys] = [
      draw(fc.integer({ min: 1, max: 6 })),
      draw(fc.integer({ min: 1, max: 6 })),
    ];
    const q = operand(draw, [...query, tokens, 8]);
    const k = operand(draw, [...key, keys, 8], repeat);
    const v = operand(draw, [...key, keys, 5], repeat);
    const inputs = [q.tensor, k.tensor, v.tensor];
    const scores = [...query, tokens, keys];
    const out = draw(fc.shuffledSubarray(scores.map((_, axis) => axis), { minLength: scores.length })); // prettier-ignore
    const program: AttentionProgram = {
      query: q.operand,
      key: k.operand,
      value: v.operand,
      out,
      steps: steps(draw, scores, inputs),
      prefer: 'auto',
    };
    return { program, inputs };
  });
  for (const { program, inputs } of fc.sample(scenario, { numRuns: 300, seed: 1 })) {
    tidy(() => {
      const call = planFused(program, inputs);
      if (call === undefined) return;
      fused++;
      const [found, expected] = [call.run('FUSED'), stockAttention(program, inputs)];
      const apart = max(abs(sub(found, expected))).dataSync()[0];
      const shapes = inputs.map(({ shape }) => shape);
      expect({ program, shapes, agrees: apart < 1e-4 }).toEqual({ program, shapes, agrees: true });
    });
  }
  expect(fused).toBeGreaterThan(100);
});
