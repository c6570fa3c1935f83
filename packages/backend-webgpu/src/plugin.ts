import { findBackendFactory, type KernelBackend } from '@tensorflow/tfjs-core';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { registerPlugin, type BackendPluginOptions } from '@tfjs-attention/core/provider';
import { attach } from './attach.js';
import { chooseFeatures } from './device/device.js';
import { requestDevice, type FeatureWishes } from './request_device.js';

export interface WebGPUBackendOptions extends BackendPluginOptions, FeatureWishes {}

const OP = 'registerWebGPUBackend';

/**
 * Makes `tf.setBackend(name)` a complete tfjs-webgpu of its own, with our kernels besides, on a GPU device of its own that
 * has every feature and every limit of the adapter that kernels can use; tfjs's own device has WebGPU's defaults. Tensors
 * and caches of one backend cannot be used in the other.
 *
 * ```js
 * registerWebGPUBackend({ name: 'webgpu-attention' });
 * await tf.setBackend('webgpu-attention'); // false, with the reason as a warning, where the device cannot be had
 * ```
 *
 * @throws InvalidArgumentError for a name that is taken or has '_'; UnsupportedError where tfjs-backend-webgpu is not loaded.
 */
export function registerWebGPUBackend(options: WebGPUBackendOptions): void {
  const { f16, subgroups, subgroupMatrix } = options ?? {};
  const wishes = { f16, subgroups, subgroupMatrix };
  const stock = {
    op: OP,
    stock: 'webgpu',
    remedy: 'import @tensorflow/tfjs-backend-webgpu first, where navigator.gpu is',
    priority: 3,
    factory: () => makeBackend(wishes),
  };
  attach(registerPlugin(stock, options));
}

async function makeBackend(wishes: FeatureWishes): Promise<KernelBackend> {
  const { device, info } = await requestDevice(OP, wishes);
  const Backend = await stockClass();
  const backend = new Backend(device, info);
  chooseFeatures(backend, wishes);
  return backend;
}

type BackendClass = typeof WebGPUBackend;

let known: BackendClass | undefined;

/** The class of the objects that tfjs's factory makes: whatever copy of the package registered it, loaded in whatever way. */
async function stockClass(): Promise<BackendClass> {
  if (known === undefined) {
    const made = (await findBackendFactory('webgpu')()) as WebGPUBackend;
    known = made.constructor as BackendClass;
    made.dispose();
    made.device.destroy();
  }
  return known;
}
