// The rig itself: an isolated page, tfjs in it, and its WebAssembly files within reach.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { expectClose, expectEqual, pageTest } from '../page_test.js';

pageTest('the page is cross-origin isolated', () => {
  expectEqual(globalThis.crossOriginIsolated, true);
});

for (const backend of ['cpu', 'wasm']) {
  pageTest(`tfjs computes on '${backend}'`, async () => {
    setWasmPaths('/node_modules/@tensorflow/tfjs-backend-wasm/dist/');
    expectEqual(await tf.setBackend(backend), true);
    expectClose(await tf.softmax(tf.tensor1d([1, 1])).data(), [0.5, 0.5], 1e-6);
  });
}
