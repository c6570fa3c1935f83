// Kernels on tfjs 'cpu' and 'wasm' in an isolated page: fused as composed, threaded as not, from a URL as from the package.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { setThreads, setWasmUrl, terminateThreads } from '@tfjs-attention/backend-cpu';
import { ready } from '@tfjs-attention/core';
import { providerFor } from '@tfjs-attention/core/provider';
import relaxed from 'kernels/dist/attention_relaxed.wasm';
import simd from 'kernels/dist/attention_simd.wasm';
import { attend } from '../attend.js';
import { expectClose, expectEqual, pageTest } from '../page_test.js';

const described = () => providerFor(tf.getBackend())?.describe();

for (const backend of ['cpu', 'wasm']) {
  pageTest(`fused agrees with composed on '${backend}'`, async () => {
    setWasmPaths('/node_modules/@tensorflow/tfjs-backend-wasm/dist/');
    await tf.setBackend(backend);
    await ready();
    expectEqual(/relaxed/i.test(described() ?? ''), true);
    expectClose(await attend('FUSED'), await attend('COMPOSED'), 1e-5);
  });
}

pageTest('two threads give the bits of one', async () => {
  await tf.setBackend('cpu');
  const alone = await attend('FUSED');
  setThreads(2);
  await ready();
  const together = await attend('FUSED');
  terminateThreads();
  setThreads(1);
  expectEqual(together, alone);
});

pageTest('modules of setWasmUrl serve as those of the package', async () => {
  await tf.setBackend('cpu');
  const own = await attend('FUSED');
  setWasmUrl({ simd: urlOf(simd), relaxed: urlOf(relaxed) });
  await ready();
  const fetched = await attend('FUSED');
  setWasmUrl(undefined);
  expectEqual(fetched, own);
});

function urlOf(base64: string): string {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], { type: 'application/wasm' }));
}
