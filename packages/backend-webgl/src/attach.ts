import { getKernel, unregisterKernel } from '@tensorflow/tfjs-core';
import {
  announceProvider,
  KERNEL_NAMES,
  registerAttentionKernels,
} from '@tfjs-attention/core/provider';
import { kernelTable } from './calls/kernel_table.js';
import { WebGlProvider } from './provider.js';

/** Registers our kernels under a tfjs backend name and announces them. Nothing is compiled or allocated. */
export function attach(tfBackend: string): void {
  for (const name of KERNEL_NAMES) {
    // Of another copy of this package (ESM beside CJS), or copied with a stock backend: the newest serves.
    if (getKernel(name, tfBackend)) unregisterKernel(name, tfBackend);
  }
  registerAttentionKernels(tfBackend, kernelTable());
  announceProvider(new WebGlProvider(tfBackend));
}
