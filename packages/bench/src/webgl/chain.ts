import { tidy, type Tensor } from '@tensorflow/tfjs-core';

/** An implementation of one cell whose output can be its next query, so that calls wait for each other on the device. */
export interface Chain {
  readonly name: string;
  /** The first query, in the layout of the outputs. */
  readonly query: Tensor;
  /** One op. */
  step: (query: Tensor) => Tensor;
  /** The H numbers of one query row of an output. */
  row: (output: Float32Array, token: number, head: number) => Float32Array;
  dispose: () => void;
}

/** Runs `count` ops, each on the output of the one before, and reads the last one's. */
export async function runChain({ query, step }: Chain, count: number): Promise<Float32Array> {
  const output = tidy(() => {
    let x = query;
    for (let i = 0; i < count; i++) x = step(x);
    return x;
  });
  try {
    return await output.data<'float32'>();
  } finally {
    output.dispose();
  }
}
