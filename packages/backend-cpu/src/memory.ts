import { backend } from '@tensorflow/tfjs-core';
import type { Heap } from './heap/heap.js';
import { ownMachineIfUp, siteIfUp } from './runtime.js';

/** Memory of these kernels outside `tf.memory()`. */
export interface HeapMemory {
  /** Bytes of caches, uploaded plans and kept workspace. */
  bytesInUse: number;
  /** Bytes of the memory that holds them: WebAssembly memory never shrinks, and tfjs-wasm's holds tensors too. */
  bytesCommitted: number;
}

/**
 * What the kernels hold for the active tfjs backend, and in our own memory, which every backend shares that copies
 * tensors ('cpu'; 'wasm' with threads). Zeros before the first use.
 *
 * ```js
 * memory().active.bytesInUse;  // flat over decode steps
 * ```
 */
export function memory(): { active: HeapMemory; own: HeapMemory } {
  return {
    active: report(siteIfUp(backend())?.heap),
    own: report(ownMachineIfUp()?.heap),
  };
}

function report(heap: Heap | undefined): HeapMemory {
  return { bytesInUse: heap?.bytesInUse ?? 0, bytesCommitted: heap?.bytesCommitted ?? 0 };
}
