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
import { announce, STOCK } from './attach.js';
import { kernelTable } from './calls/kernel_table.js';

export interface BackendPluginOptions {
  /** What `tf.setBackend` will take; without '_'. */
  name: string;
  /** As in `tf.registerBackend`. Default 1. */
  priority?: number;
}

/**
 * Makes `tf.setBackend(name)` a complete tfjs-node backend of its own, with our kernels besides. Both use one
 * TensorFlow, but neither sees the other's caches.
 *
 * ```js
 * registerTensorFlowBackend({name: 'tensorflow-attention'});  // tf.setBackend('tensorflow-attention')
 * ```
 *
 * @throws InvalidArgumentError for a name that is taken or has '_'; UnsupportedError where tfjs-node is not loaded.
 */
export function registerTensorFlowBackend(options: BackendPluginOptions): void {
  const op = 'registerTensorFlowBackend';
  const { name, priority = 1 } = options ?? {};
  if (typeof name !== 'string' || name === '' || name.includes('_')) {
    throw new InvalidArgumentError(
      `${op}: name must be a text without '_' (tfjs splits kernel keys on it), got '${String(name)}'`,
    );
  }
  const factory = findBackendFactory(STOCK);
  if (factory == null) {
    throw new UnsupportedError(op, [
      'import @tensorflow/tfjs-node or @tensorflow/tfjs-node-gpu first',
    ]);
  }
  if (!registerBackend(name, () => factory(), priority)) {
    throw new InvalidArgumentError(
      `${op}: tfjs has a backend '${name}' already; take another name`,
    );
  }
  copyRegisteredKernels(STOCK, name);
  if (getKernel(KERNEL_NAMES[0], name) === undefined) registerAttentionKernels(name, kernelTable);
  announce(name);
}
