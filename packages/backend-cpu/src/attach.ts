import {
  announceProvider,
  registerAttentionKernels,
  unregisterAttentionKernels,
} from '@tfjs-attention/core/provider';
import { kernelTable } from './calls/kernel_table.js';
import { CpuProvider } from './provider.js';
import type { StockBackend } from './tensors/tfjs_backends.js';

/** Every provider of this package. */
export const announced: CpuProvider[] = [];

/** Announces a tfjs backend name whose kernels are in place. */
export function announce(tfBackend: string, stock: StockBackend): void {
  const provider = new CpuProvider(tfBackend, stock);
  announced.push(provider);
  announceProvider(provider);
}

/** Registers our kernels under a stock backend's name and announces them. Nothing is compiled or allocated. */
export function attach(stock: StockBackend): void {
  // Of another copy of this package (ESM beside CJS): the newest serves, and tfjs need not warn.
  unregisterAttentionKernels(stock);
  registerAttentionKernels(stock, kernelTable(stock));
  announce(stock, stock);
}
