import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';

/** Brings up the stock backends 'cpu' and 'wasm'. */
export async function startTfjs(): Promise<void> {
  // Keeps tfjs from advertising its Node package; tables say which kernel served.
  tf.env().set('IS_TEST', true);
  const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(`${dirname(entry)}/`);
  for (const backend of ['cpu', 'wasm']) {
    if (!(await tf.setBackend(backend)))
      throw new Error(`tfjs backend '${backend}' does not start`);
  }
}
