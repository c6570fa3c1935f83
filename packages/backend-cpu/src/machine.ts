import { Arena } from './heap/arena.js';
import { ArrayHeap } from './heap/array_heap.js';
import type { Heap } from './heap/heap.js';
import { OwnHeap } from './heap/own_heap.js';
import { TfjsHeap } from './heap/tfjs_heap.js';
import type { KernelSet } from './kernels/kernel_set.js';
import { instantiate, STACK_BYTES, type WasmExports } from './kernels/wasm_exports.js';
import { soloRunner, WasmKernels } from './kernels/wasm_kernels.js';
import type { Program } from './module/choice.js';
import { PlainKernels } from './plain/plain_kernels.js';
import { viewedMemory, type WasmBackend } from './tensors/tfjs_backends.js';
import { ThreadPool } from './threads/pool.js';

/** A memory and the kernels over it. */
export interface Machine {
  readonly heap: Heap;
  readonly arena: Arena;
  readonly kernels: KernelSet;
  /** What runs where, in words. */
  describe(): string;
  /** Ends threads and gives back memory that is not ours alone. No cache may live in it. */
  close(): void;
  readonly pool?: ThreadPool;
}

type WasmProgram = Extract<Program, { kind: 'wasm' }>;

const TITLES = { simd: 'WASM SIMD', relaxed: 'WASM relaxed SIMD' } as const;

/** Our own memory, for one thread or for several. */
export function ownMachine({ name, module }: WasmProgram, threads: number): Machine {
  const heap = new OwnHeap(threads > 1);
  const exports = start(module, heap.memory, heap);
  const arena = new Arena(heap);
  if (threads === 1) {
    return {
      heap,
      arena,
      kernels: new WasmKernels(heap, arena, exports, soloRunner(exports)),
      describe: () => `${TITLES[name]}, 1 thread, own memory`,
      close: () => undefined,
    };
  }
  const pool = new ThreadPool(heap, module, exports, threads);
  return {
    heap,
    arena,
    pool,
    kernels: new WasmKernels(heap, arena, exports, pool),
    describe: () => `${TITLES[name]}, ${pool.size} threads, own shared memory`,
    close: () => pool.terminate(),
  };
}

/** tfjs-wasm's memory: tensors are used where they lie. */
export function tfjsMachine(
  { name, module }: WasmProgram,
  backend: WasmBackend,
  memory: WebAssembly.Memory,
): Machine {
  const heap = new TfjsHeap(memory, backend);
  try {
    const exports = start(module, memory, heap);
    const arena = new Arena(heap);
    return {
      heap,
      arena,
      kernels: new WasmKernels(heap, arena, exports, soloRunner(exports)),
      describe: () => `${TITLES[name]}, 1 thread, inside tfjs-wasm's memory without copies`,
      close: () => heap.freeAll(),
    };
  } catch (error) {
    heap.freeAll();
    throw error;
  }
}

/** The TypeScript kernels, over plain arrays or tfjs-wasm's memory. */
export function plainMachine(reason: string, backend?: WasmBackend): Machine {
  const heap = backend ? new TfjsHeap(viewedMemory(backend), backend) : new ArrayHeap();
  const arena = new Arena(heap);
  return {
    heap,
    arena,
    kernels: new PlainKernels(),
    describe: () => `plain TypeScript: ${reason}`,
    close: () => arena.release(),
  };
}

function start(module: WebAssembly.Module, memory: WebAssembly.Memory, heap: Heap): WasmExports {
  return instantiate(module, memory, heap.allocate(STACK_BYTES).address);
}
