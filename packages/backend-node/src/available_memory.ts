import { totalmem } from 'node:os';
import type { Device } from './tensorflow/device.js';
import { deviceInfo } from './tensorflow/device_info.js';

/**
 * Bytes that caches may have: the GPU's where ops run there, else the machine's, or its container's if that is less.
 * Operating systems promise more and end the process later; TensorFlow looks for memory on a full GPU for seconds.
 */
export function availableMemory(device: Device): number {
  if (device.usesGpu) return (deviceInfo(device).gpu?.mebibytes ?? 0) * 2 ** 20;
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
