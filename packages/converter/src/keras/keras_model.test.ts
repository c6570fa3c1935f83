import { beforeAll, describe, expect, test } from '@jest/globals';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs';
import '@tfjs-attention/backend-cpu';
import { findStockWasm } from '@tfjs-attention/testing/node/stock_wasm';
import { archiveBytes, largestError, modelCases, unpack } from '../../../layers/src/fixtures.js';
import { kerasModel } from './index.js';

const asList = <T>(x: T | T[]): T[] => (Array.isArray(x) ? x : [x]);

for (const backend of ['cpu', 'wasm']) {
  describe(`Keras 3 archives on ${backend}`, () => {
    beforeAll(async () => {
      findStockWasm();
      await tf.setBackend(backend);
    });

    test.each(modelCases())('$name', async ({ archive, inputs, outputs }) => {
      const model = await tf.loadLayersModel(kerasModel(archiveBytes(archive)));
      const got = asList(model.predict(inputs.map(unpack)));
      expect(got).toHaveLength(outputs.length);
      got.forEach((output, i) => expect(largestError(output, outputs[i])).toBeLessThan(1e-5));
    });
  });
}
