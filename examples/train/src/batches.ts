import { tensor2d, type Tensor2D } from '@tensorflow/tfjs-core';

/** Token ids `[B, S]` and those that follow each of them, int32. */
export interface Batch {
  inputs: Tensor2D;
  targets: Tensor2D;
}

/** Numbers in [0, 1) that a seed fixes (xorshift32). */
export function randomSource(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** A batch of stretches of `length` tokens from anywhere in the text. */
export function drawBatch(
  tokens: Uint8Array,
  batch: number,
  length: number,
  random: () => number,
): Batch {
  const inputs = new Int32Array(batch * length);
  const targets = new Int32Array(batch * length);
  for (let b = 0; b < batch; b++) {
    const start = Math.floor(random() * (tokens.length - length));
    inputs.set(tokens.subarray(start, start + length), b * length);
    targets.set(tokens.subarray(start + 1, start + length + 1), b * length);
  }
  const shape: [number, number] = [batch, length];
  return { inputs: tensor2d(inputs, shape, 'int32'), targets: tensor2d(targets, shape, 'int32') };
}
