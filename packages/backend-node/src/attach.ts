import {
  announceProvider,
  registerAttentionKernels,
  unregisterAttentionKernels,
} from '@tfjs-attention/core/provider';
import { kernelTable } from './calls/kernel_table.js';
import { TensorFlowProvider } from './provider.js';

/** The name under which tfjs-node and tfjs-node-gpu register. */
export const STOCK = 'tensorflow';

/** Every provider of this package. */
export const announced: TensorFlowProvider[] = [];

/** Announces a tfjs backend name whose kernels are in place. */
export function announce(tfBackend: string): void {
  const provider = new TensorFlowProvider(tfBackend);
  announced.push(provider);
  announceProvider(provider);
}

/** Registers our kernels under tfjs-node's name and announces them. The addon is not loaded yet. */
export function attach(): void {
  // Of another copy of this package (ESM beside CJS): the newest serves, and tfjs need not warn.
  unregisterAttentionKernels(STOCK);
  registerAttentionKernels(STOCK, kernelTable);
  announce(STOCK);
}
