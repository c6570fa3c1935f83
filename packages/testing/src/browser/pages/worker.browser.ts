// The whole in a dedicated Worker, which runs this same script.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tfjs-attention/backend-cpu';
import { attend } from '../attend.js';
import { expectClose, pageTest } from '../page_test.js';

if (typeof document === 'undefined') {
  void tf
    .setBackend('cpu')
    .then(() => attend('FUSED'))
    .then((values) => postMessage(values));
} else {
  const { src } = document.currentScript as HTMLScriptElement;
  pageTest('a worker computes what the page computes', async () => {
    const worker = new Worker(src);
    const theirs = await new Promise<number[]>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data as number[]);
      worker.onerror = ({ message }) => reject(new Error(message));
    });
    worker.terminate();
    await tf.setBackend('cpu');
    expectClose(theirs, await attend('COMPOSED'), 1e-5);
  });
}
