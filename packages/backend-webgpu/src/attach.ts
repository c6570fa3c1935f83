import {
  announceProvider,
  registerAttentionKernels,
  unregisterAttentionKernels,
} from '@tfjs-attention/core/provider';
import { kernelTable } from './calls/kernel_table.js';
import { WebGpuProvider } from './provider.js';

/** Registers our kernels under a tfjs backend name and announces them. Nothing is compiled or allocated. */
export function attach(tfBackend: string): void {
  // Of another copy of this package (ESM beside CJS), or copied with a stock backend: the newest serves.
  unregisterAttentionKernels(tfBackend);
  registerAttentionKernels(tfBackend, kernelTable());
  announceProvider(new WebGpuProvider(tfBackend));
}
