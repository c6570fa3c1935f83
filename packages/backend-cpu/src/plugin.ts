import { getKernel } from '@tensorflow/tfjs-core';
import {
  KERNEL_NAMES,
  registerAttentionKernels,
  registerPlugin,
  type BackendPluginOptions,
} from '@tfjs-attention/core/provider';
import { announce } from './attach.js';
import { kernelTable } from './calls/kernel_table.js';
import type { StockBackend } from './tensors/tfjs_backends.js';

/**
 * Makes `tf.setBackend(name)` a complete tfjs-cpu of its own, with our kernels besides. Default priority 1.
 *
 * ```js
 * registerCpuBackend({name: 'cpu-attention'});  // tf.setBackend('cpu-attention')
 * ```
 *
 * @throws InvalidArgumentError for a name that is taken or has '_'; UnsupportedError where tfjs-backend-cpu is not loaded.
 */
export function registerCpuBackend(options: BackendPluginOptions): void {
  register('registerCpuBackend', 'cpu', options);
}

/**
 * Makes `tf.setBackend(name)` a complete tfjs-wasm of its own (memory included), with our kernels besides. Default priority 1.
 *
 * @throws InvalidArgumentError for a name that is taken or has '_'; UnsupportedError where tfjs-backend-wasm is not loaded.
 */
export function registerWasmBackend(options: BackendPluginOptions): void {
  register('registerWasmBackend', 'wasm', options);
}

function register(op: string, stock: StockBackend, options: BackendPluginOptions): void {
  const remedy = `import @tensorflow/tfjs-backend-${stock} first`;
  const name = registerPlugin({ op, stock, remedy, priority: 1 }, options);
  if (getKernel(KERNEL_NAMES[0], name) === undefined) {
    registerAttentionKernels(name, kernelTable(stock));
  }
  announce(name, stock);
}
