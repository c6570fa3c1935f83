import {
  copyRegisteredKernels,
  findBackendFactory,
  getKernel,
  registerBackend,
} from '@tensorflow/tfjs-core';
import {
  InvalidArgumentError,
  KERNEL_NAMES,
  registerAttentionKernels,
  UnsupportedError,
} from '@tfjs-attention/core/provider';
import { announce } from './attach.js';
import { kernelTable } from './calls/kernel_table.js';
import type { StockBackend } from './tensors/tfjs_backends.js';

export interface BackendPluginOptions {
  /** What `tf.setBackend` will take; without '_'. */
  name: string;
  /** As in `tf.registerBackend`. Default 1. */
  priority?: number;
}

/**
 * Makes `tf.setBackend(name)` a complete tfjs-cpu of its own, with our kernels besides.
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
 * Makes `tf.setBackend(name)` a complete tfjs-wasm of its own (memory included), with our kernels besides.
 *
 * @throws InvalidArgumentError for a name that is taken or has '_'; UnsupportedError where tfjs-backend-wasm is not loaded.
 */
export function registerWasmBackend(options: BackendPluginOptions): void {
  register('registerWasmBackend', 'wasm', options);
}

function register(op: string, stock: StockBackend, options: BackendPluginOptions): void {
  const { name, priority = 1 } = options ?? {};
  if (typeof name !== 'string' || name === '' || name.includes('_')) {
    throw new InvalidArgumentError(
      `${op}: name must be a text without '_' (tfjs splits kernel keys on it), got '${String(name)}'`,
    );
  }
  const factory = findBackendFactory(stock);
  if (factory == null) {
    throw new UnsupportedError(op, [`import @tensorflow/tfjs-backend-${stock} first`]);
  }
  if (!registerBackend(name, () => factory(), priority)) {
    throw new InvalidArgumentError(
      `${op}: tfjs has a backend '${name}' already; take another name`,
    );
  }
  copyRegisteredKernels(stock, name);
  if (getKernel(KERNEL_NAMES[0], name) === undefined) {
    registerAttentionKernels(name, kernelTable(stock));
  }
  announce(name, stock);
}
