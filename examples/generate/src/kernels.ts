import { setThreads, setWasmModule } from '@tfjs-attention/backend-cpu';
import { providerFor } from '@tfjs-attention/core/provider';
import type { CliOptions } from './cli.js';

/** Applies what the command line says of the CPU kernels; that goes before the first cache. */
export function forceKernels({ wasm, threads }: Pick<CliOptions, 'wasm' | 'threads'>): void {
  if (wasm !== undefined) setWasmModule(wasm);
  if (threads !== undefined) setThreads(threads);
}

/** What runs the attention on a tfjs backend, in words. */
export function describeKernels(tfBackend: string): string {
  return providerFor(tfBackend)?.describe() ?? 'stock tfjs ops';
}
