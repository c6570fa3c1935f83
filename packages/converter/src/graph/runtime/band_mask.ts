import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import type { Step } from '../program/program.js';

/** The mask `[T, S]` of a causal step: true where a query sees a key. */
export function bandMask(
  { offset, left = Infinity }: Extract<Step, { op: 'causal' }>,
  scores: readonly number[],
): Tensor {
  const [rows, columns] = scores.slice(-2);
  const values = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const first = Math.max(0, row + offset - left);
    const end = Math.min(columns, row + offset + 1);
    if (end > first) values.fill(1, row * columns + first, row * columns + end);
  }
  return tensor(values, [rows, columns], 'bool');
}
