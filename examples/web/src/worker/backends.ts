import { engine, env } from '@tensorflow/tfjs-core';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-backend-webgl';
import '@tfjs-attention/backend-webgl';
// Brings 'wasm' and 'cpu' with their kernels.
import '../../../generate/src/tf_backend.js';

/** Settles what tfjs must know before its first backend starts. Returns the names that it has. */
export function prepareBackends(): string[] {
  setWasmPaths('/tfjs-wasm/');
  // tfjs's threads load a script from a blob:, which the page's policy forbids.
  env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  // A GPU that is software serves whoever asks for it.
  env().set('SOFTWARE_WEBGL_ENABLED', true);
  return Object.keys(engine().registryFactory);
}
