import { getKernel } from '@tensorflow/tfjs-core';
import {
  KERNEL_NAMES,
  registerAttentionKernels,
  registerPlugin,
  type BackendPluginOptions,
} from '@tfjs-attention/core/provider';
import { announce, STOCK } from './attach.js';
import { kernelTable } from './calls/kernel_table.js';

const OF_STOCK = {
  op: 'registerTensorFlowBackend',
  stock: STOCK,
  remedy: 'import @tensorflow/tfjs-node or @tensorflow/tfjs-node-gpu first',
  priority: 1,
};

/**
 * Makes `tf.setBackend(name)` a complete tfjs-node backend of its own, with our kernels besides. Both use one
 * TensorFlow, but neither sees the other's caches. Default priority 1.
 *
 * ```js
 * registerTensorFlowBackend({name: 'tensorflow-attention'});  // tf.setBackend('tensorflow-attention')
 * ```
 *
 * @throws InvalidArgumentError for a name that is taken or has '_'; UnsupportedError where tfjs-node is not loaded.
 */
export function registerTensorFlowBackend(options: BackendPluginOptions): void {
  const name = registerPlugin(OF_STOCK, options);
  if (getKernel(KERNEL_NAMES[0], name) === undefined) registerAttentionKernels(name, kernelTable);
  announce(name);
}
