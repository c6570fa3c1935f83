import {
  engine,
  findBackendFactory,
  getBackend,
  registerBackend,
  removeBackend,
} from '@tensorflow/tfjs-core';
import { UnsupportedError } from '@tfjs-attention/core/provider';

/**
 * Forgets a tfjs backend whose device is lost and registers it anew, with a device that is requested when the backend is
 * next set. Tensors and caches of the lost one stay lost: dispose of them, and make new ones.
 *
 * ```js
 * restartWebGPUBackend();
 * await tf.setBackend('webgpu');
 * ```
 *
 * @param name Default the active tfjs backend.
 * @throws UnsupportedError where tfjs knows no such backend.
 */
export function restartWebGPUBackend(name: string = getBackend()): void {
  const factory = findBackendFactory(name);
  if (factory == null) {
    throw new UnsupportedError('restartWebGPUBackend', [`tfjs has no backend '${name}'`]);
  }
  const { priority } = engine().registryFactory[name];
  removeBackend(name);
  registerBackend(name, factory, priority);
}
