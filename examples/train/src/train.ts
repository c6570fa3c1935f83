import * as tf from '@tensorflow/tfjs-core';
import { drawBatch, randomSource } from './batches.js';
import type { TrainableModel } from './model.js';

export interface TrainingOptions {
  steps: number;
  batch: number;
  /** Tokens of a stretch. */
  length: number;
  learningRate: number;
  seed: number;
}

/** Trains with Adam (Kingma and Ba, 2015) on stretches of the text; returns each step's loss. */
export async function train(
  model: TrainableModel,
  tokens: Uint8Array,
  { steps, batch, length, learningRate, seed }: TrainingOptions,
  onStep: (done: number, loss: number) => void = () => undefined,
): Promise<number[]> {
  const random = randomSource(seed);
  const optimizer = tf.train.adam(learningRate, 0.9, 0.99);
  const weights = [...model.weights.values()];
  const losses: number[] = [];
  try {
    for (let step = 1; step <= steps; step++) {
      const drawn = drawBatch(tokens, batch, length, random);
      const cost = optimizer.minimize(() => model.loss(drawn), true, weights) as tf.Scalar;
      const [loss] = await cost.data();
      tf.dispose([cost, drawn.inputs, drawn.targets]);
      losses.push(loss);
      onStep(step, loss);
    }
    return losses;
  } finally {
    optimizer.dispose();
  }
}
