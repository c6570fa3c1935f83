import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll } from '@jest/globals';
import { describeAgreement } from './agreement.js';
import { setWasmModule } from './index.js';

beforeAll(() => {
  tf.env().set('IS_TEST', true);
});

for (const backend of ['cpu', 'wasm'] as const) {
  for (const module of ['typescript', 'simd', 'relaxed'] as const) {
    describeAgreement(`${backend}, ${module}`, async () => {
      await tf.setBackend(backend);
      setWasmModule(module);
    });
  }
}
