// @page {"isolated": false, "csp": "script-src 'self'"}
// A page whose policy forbids WebAssembly and that is not isolated: TypeScript serves, threads are refused in words.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { setThreads } from '@tfjs-attention/backend-cpu';
import { providerFor } from '@tfjs-attention/core/provider';
import { attend } from '../attend.js';
import { expectClose, expectEqual, pageTest } from '../page_test.js';

pageTest('the plain TypeScript kernels serve, and say why', async () => {
  await tf.setBackend('cpu');
  expectClose(await attend('FUSED'), await attend('COMPOSED'), 1e-5);
  expectEqual(/typescript.*wasm-unsafe-eval/i.test(providerFor('cpu')?.describe() ?? ''), true);
});

pageTest('threads are refused with the way out', () => {
  let message = '';
  try {
    setThreads(2);
  } catch (error) {
    message = String(error);
  }
  expectEqual(message.includes('COOP and COEP'), true);
});
