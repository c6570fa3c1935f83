import { setThreads, setWasmModule } from '@tfjs-attention/backend-cpu';
import type { CliOptions } from './cli.js';

/** Applies what the command line says of the CPU kernels; that goes before the first cache. */
export function forceKernels({ wasm, threads }: Pick<CliOptions, 'wasm' | 'threads'>): void {
  if (wasm !== undefined) setWasmModule(wasm);
  if (threads !== undefined) setThreads(threads);
}
