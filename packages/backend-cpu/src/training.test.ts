import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { Attention, flashAttention } from '@tfjs-attention/core';
import { findStockWasm } from '@tfjs-attention/testing/node/stock_wasm';
import { afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { memory, setThreads, setWasmModule } from './index.js';

// Not in tfjs's test mode, which finds a leak in tfjs-wasm's own fused product of a layer.
beforeAll(findStockWasm);

afterEach(() => {
  jest.restoreAllMocks();
  setThreads(1);
  setWasmModule('auto');
});

const draw = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

test.each(['cpu', 'wasm'])('model.fit trains through an attention layer on %s', async (backend) => {
  await tf.setBackend(backend);
  const [numHeads, headSize] = [2, 8];
  const initializer = (seed: number) => tfl.initializers.glorotNormal({ seed });
  const model = tfl.sequential({
    layers: [
      tfl.layers.dense({ units: 3 * numHeads * headSize, inputShape: [20, 6], kernelInitializer: initializer(1) }),
      new Attention({ numHeads, headSize, scale: headSize ** -0.5 }),
      tfl.layers.dense({ units: 6, kernelInitializer: initializer(2) }),
    ],
  }); // prettier-ignore
  model.compile({ optimizer: tf.train.adam(0.02), loss: 'meanSquaredError' });
  // Repeats the token before: what attention is for.
  const x = draw([16, 20, 6], 3);
  const y = tf.pad(tf.slice(x, [0, 0, 0], [-1, 19, -1]), [[0, 0], [1, 0], [0, 0]]); // prettier-ignore
  const fit = () => model.fit(x, y, { epochs: 6, batchSize: 8, shuffle: false });
  const kernels = jest.spyOn(tf.engine(), 'runKernel');
  const history = (await fit()).history['loss'] as number[];
  const names = kernels.mock.calls.map(([name]) => name);
  expect(names).toEqual(expect.arrayContaining(['TfjsAttnForward', 'TfjsAttnBackward']));
  expect(history[5]).toBeLessThan(0.95 * history[0]);
  tf.dispose([x, y]);
  model.dispose();
});

test('workspace of a backward call does not grow with the sequence', async () => {
  await tf.setBackend('wasm');
  const held = (length: number) =>
    tf.tidy(() => {
      const [q, k, v] = [1, 2, 3].map((seed) => draw([1, length, 2, 16], seed));
      tf.grad((x) => flashAttention(x, k, v, { causal: true, implementation: 'FUSED' }))(q);
      return memory().active.bytesInUse;
    });
  expect(held(1500)).toBe(held(300));
});

test('threads change no bit of a gradient', async () => {
  await tf.setBackend('cpu');
  const gradients = (threads: number) => {
    setThreads(threads);
    return tf.tidy(() => {
      const [q, k, v] = [1, 2, 3].map((seed) => draw([2, 130, 4, 16], seed));
      const loss = (...x: tf.Tensor[]) =>
        flashAttention(x[0], x[1], x[2], { causal: true, implementation: 'FUSED' });
      return tf
        .grads(loss)([q, k, v])
        .map((x) => x.dataSync());
    });
  };
  expect(gradients(2)).toEqual(gradients(1));
});
