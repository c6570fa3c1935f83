import { totalmem } from 'node:os';

/**
 * Bytes that this process may have: the machine's, or its container's if that is less. Operating systems promise more
 * and end the process later.
 */
export function availableMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
