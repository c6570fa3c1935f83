import {
  announceProvider,
  InvalidArgumentError,
  UnsupportedError,
} from '@tfjs-attention/core/provider';
import { announced } from './attach.js';
import { pick, type WasmModuleChoice } from './module/choice.js';
import { setUrls, type ModuleUrls } from './module/source.js';
import { ownMachineIfUp, reconfigure, threadsAsked } from './runtime.js';
import { reasonAgainstThreads } from './threads/helper.js';

const MAX_THREADS = 64;
const CHOICES: readonly WasmModuleChoice[] = ['auto', 'relaxed', 'simd', 'typescript'];

/**
 * Forces the kernels that run under tfjs 'cpu' and 'wasm': 'simd' or 'relaxed' (fused multiply-add; last bits may differ
 * between machines) WebAssembly, 'typescript', or 'auto' (default): the fastest that the engine takes.
 *
 * @throws UnsupportedError where the engine lacks it; InvalidArgumentError while caches live.
 */
export function setWasmModule(choice: WasmModuleChoice): void {
  if (!CHOICES.includes(choice)) {
    throw new InvalidArgumentError(
      `setWasmModule: '${String(choice)}' is not one of ${CHOICES.join(', ')}`,
    );
  }
  pick(choice);
  reconfigure('setWasmModule', { module: choice });
  announceAgain();
}

/**
 * Fetches the modules from these addresses instead of using the copies inside the package. `await ready()` before the
 * first call: fetching is asynchronous. `undefined` goes back to the copies.
 *
 * @throws InvalidArgumentError while caches live.
 */
export function setWasmUrl(urls: ModuleUrls | undefined): void {
  if (urls !== undefined && !(urls.simd && urls.relaxed)) {
    throw new InvalidArgumentError('setWasmUrl: give an address for both: {simd, relaxed}');
  }
  reconfigure('setWasmUrl', {});
  setUrls(urls);
  announceAgain();
}

/**
 * Computes on `count` threads, the calling one included; 1 (default) = no others. Workers share one memory of ours, so
 * tensors are copied into it and out. Results are the same bits for any count. Workers start at the first call, or by
 * `ready()`, which waits for them; an idle one does not keep a process alive. In pages it needs cross-origin isolation.
 *
 * @throws UnsupportedError where memory cannot be shared; InvalidArgumentError while caches live.
 */
export function setThreads(count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > MAX_THREADS) {
    throw new InvalidArgumentError(
      `setThreads: the count must be an integer from 1 to ${MAX_THREADS}, got ${String(count)}`,
    );
  }
  const reason = count > 1 ? reasonAgainstThreads() : undefined;
  if (reason !== undefined) throw new UnsupportedError(`setThreads(${count})`, [reason]);
  reconfigure('setThreads', { threads: count });
  announceAgain();
}

/** Threads that calls use: those asked for until the first call, then those that are there. */
export function getThreads(): number {
  return ownMachineIfUp()?.pool?.size ?? threadsAsked();
}

/** Ends the workers. Caches stay, and calls go on with the calling thread; `setThreads` starts anew. */
export function terminateThreads(): void {
  ownMachineIfUp()?.pool?.terminate();
}

/** Selections made before no longer hold. */
function announceAgain(): void {
  for (const provider of announced) announceProvider(provider);
}
