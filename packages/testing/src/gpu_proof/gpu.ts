import * as tf from '@tensorflow/tfjs-core';
import { explainAttnBackend, ready } from '@tfjs-attention/core';
import { loadTensorFlow } from '../node/tensorflow.js';

/** What the proofs use of tfjs-node's backend object. */
interface TensorFlowBackend {
  readonly isUsingGpuDevice: boolean;
  readonly binding: {
    executeOp(
      name: string,
      attributes: readonly object[],
      inputs: readonly number[],
      outputs: number,
    ): { id: number; shape: number[]; dtype: number }[];
    tensorDataSync(id: number): Int32Array | Float32Array;
    deleteTensor(id: number): void;
    getNumOfTensors(): number;
  };
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[];
}

export const tensorFlow = () => tf.backend() as unknown as TensorFlowBackend;

/** Starts tfjs-node-gpu with our kernels. @throws where TensorFlow has no GPU, or they do not serve there */
export async function bringUpGpu(): Promise<void> {
  await loadTensorFlow();
  await tf.setBackend('tensorflow');
  await ready('tensorflow');
  tf.env().set('IS_TEST', true);
  if (!tensorFlow().isUsingGpuDevice) throw new Error('TensorFlow found no GPU');
  const { kernels, rejected } = explainAttnBackend(64);
  if (kernels !== 'FUSED') throw new Error(`kernels are ${kernels}: ${JSON.stringify(rejected)}`);
}

/** Waits for everything that was given to the GPU: numbers that an op made there are read. */
export function drain(): void {
  tf.tidy(() => tf.neg(tf.ones([1])).dataSync());
}

/** A proof's finding: what was seen, and whether that is as it must be. */
export interface Finding {
  readonly text: string;
  readonly holds: boolean;
}
