import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { explainAttnBackend, flashAttention } from '@tfjs-attention/core';
import { expect, jest, test } from '@jest/globals';

test('importing and selecting compile and allocate nothing; the first call does', async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend('cpu');
  const touched: string[] = [];
  const watch = <Name extends 'Module' | 'Instance' | 'Memory'>(name: Name) => {
    const original = WebAssembly[name];
    WebAssembly[name] = new Proxy(original, {
      construct(target, args: [never, never]) {
        touched.push(name);
        return new target(...args);
      },
    });
  };
  watch('Module');
  watch('Instance');
  watch('Memory');
  const compile = jest.spyOn(WebAssembly, 'compile');

  const { memory } = await import('./index.js');
  const { backend, kernels, rejected } = explainAttnBackend(64);
  expect([backend.getName(), kernels]).toEqual(['FLASH_ATTN', 'FUSED']);
  expect(rejected).toEqual([]);
  expect(touched).toEqual([]);
  expect(memory()).toEqual({
    active: { bytesInUse: 0, bytesCommitted: 0 },
    own: { bytesInUse: 0, bytesCommitted: 0 },
  });

  const x = tf.ones([1, 2, 1, 4]);
  expect([...flashAttention(x, x, x).dataSync()]).toEqual([...x.dataSync()]);
  expect(touched.sort()).toEqual(['Instance', 'Memory', 'Module']);
  expect(compile).not.toHaveBeenCalled();
});
