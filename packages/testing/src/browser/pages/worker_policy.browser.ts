// @page {"csp": "script-src 'self' 'wasm-unsafe-eval'"}
// A policy that allows WebAssembly but no worker from a blob: threads are refused by name, one thread computes.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { setThreads } from '@tfjs-attention/backend-cpu';
import { ready } from '@tfjs-attention/core';
import { attend } from '../attend.js';
import { expectClose, expectEqual, pageTest } from '../page_test.js';

pageTest('ready() says that no worker started, and results are right all the same', async () => {
  await tf.setBackend('cpu');
  setThreads(2);
  const outcome = await ready().then(
    () => 'ready',
    (error: Error) => error.name,
  );
  expectEqual(outcome, 'DeviceError');
  expectClose(await attend('FUSED'), await attend('COMPOSED'), 1e-5);
});
