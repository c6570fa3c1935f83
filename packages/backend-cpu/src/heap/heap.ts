import { CapacityError } from '@tfjs-attention/core/provider';
import type { Region } from './region.js';

/** Memory for caches, metadata and workspace. */
export interface Heap {
  /** Contents are unspecified. @throws CapacityError, and nothing was taken. */
  allocate(byteLength: number): Region;
  /** As allocate, all bytes 0. */
  allocateZeroed(byteLength: number): Region;
  free(region: Region): void;
  /** Bytes handed out and not yet freed. */
  readonly bytesInUse: number;
  /** Bytes that the memory holds, those of others included. */
  readonly bytesCommitted: number;
}

/** An error of a heap, which knows no ops, as one of an op. */
export function nameOp(op: string, error: unknown): unknown {
  return error instanceof CapacityError ? new CapacityError(`${op}: ${error.message}`) : error;
}

const MIB = 2 ** 20;

export function outOfMemory(byteLength: number, heap: Heap, limit: string): CapacityError {
  const mib = (bytes: number) => `${(bytes / MIB).toFixed(bytes < 100 * MIB ? 2 : 0)} MiB`;
  return new CapacityError(
    `out of memory: ${mib(byteLength)} more are needed, ${mib(heap.bytesInUse)} of tfjs-attention are in use and ` +
      `${limit}; dispose caches or tensors, or make the cache smaller (numBlocks, dtype)`,
  );
}
