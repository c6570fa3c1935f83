import { backend } from '@tensorflow/tfjs-core';
import { InvalidArgumentError } from '@tfjs-attention/core/provider';
import { Device } from './tensorflow/device.js';
import { deviceInfo } from './tensorflow/device_info.js';
import { askedThreads, askThreads } from './threads.js';

const MAX_THREADS = 256;

/**
 * Computes on `count` threads, the calling one included; 'tensorflow' (default) = as many as TensorFlow's own ops
 * (`TF_NUM_INTRAOP_THREADS`, else one a core). Results are the same bits for any count.
 *
 * ```js
 * setThreads(1);  // leaves the other cores to TensorFlow
 * ```
 *
 * @throws InvalidArgumentError for a count that is none.
 */
export function setThreads(count: number | 'tensorflow'): void {
  if (count === 'tensorflow') return askThreads(0);
  if (!Number.isInteger(count) || count < 1 || count > MAX_THREADS) {
    throw new InvalidArgumentError(
      `setThreads: the count must be an integer from 1 to ${MAX_THREADS} or 'tensorflow', got ${String(count)}`,
    );
  }
  askThreads(count);
}

/** What was asked for. */
export function getThreads(): number | 'tensorflow' {
  return askedThreads() || 'tensorflow';
}

/** Threads of a call on the active tfjs backend, which must be tfjs-node's; the addon is loaded. */
export function threadsInUse(): number {
  return askedThreads() || deviceInfo(Device.of(backend())).threads;
}
