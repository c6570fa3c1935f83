import { engine, env, removeBackend } from '@tensorflow/tfjs-core';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-backend-webgl';
import '@tensorflow/tfjs-backend-webgpu';
import '@tfjs-attention/backend-webgl';
import '@tfjs-attention/backend-webgpu';
// Brings 'wasm' and 'cpu' with their kernels.
import '../../../generate/src/tf_backend.js';

/** Settles what tfjs must know before its first backend starts. Returns the names that it has. */
export async function prepareBackends(): Promise<string[]> {
  setWasmPaths('/tfjs-wasm/');
  // tfjs's threads load a script from a blob:, which the page's policy forbids.
  env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  // A GPU that is software serves whoever asks for it.
  env().set('SOFTWARE_WEBGL_ENABLED', true);
  // tfjs asks for navigator.gpu only, which offers no adapter where the GPU does not serve.
  const adapter = await (navigator as Partial<Navigator>).gpu?.requestAdapter();
  if (adapter == null && 'webgpu' in engine().registryFactory) removeBackend('webgpu');
  return Object.keys(engine().registryFactory);
}
