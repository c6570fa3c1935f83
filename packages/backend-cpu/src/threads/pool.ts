import { DeviceError } from '@tfjs-attention/core/provider';
import type { OwnHeap } from '../heap/own_heap.js';
import type { WasmExports } from '../kernels/wasm_exports.js';
import { STACK_BYTES, stackTop } from '../kernels/wasm_exports.js';
import type { WorkItems, WorkRunner } from '../kernels/wasm_kernels.js';
import { CONTROL, CONTROL_BYTES } from './control.js';
import { startHelper, type Helper } from './helper.js';

/** Below this many multiply-adds, waking a thread costs more than it saves. */
const LEAST_COST = 2 ** 19;
/** Claims a thread makes in a balanced job: more balance better, fewer cost less. */
const CLAIMS = 32;
const SPINS = 2000;

/**
 * The calling thread and its helpers over one shared memory. The caller never waits for a helper that has not begun, so
 * a helper that is late or gone costs speed only.
 */
export class ThreadPool implements WorkRunner {
  private readonly words: Int32Array;
  private readonly helpers: Helper[] = [];
  private readonly canBlock = canBlock();

  constructor(
    heap: OwnHeap,
    module: WebAssembly.Module,
    private readonly exports: WasmExports,
    readonly threads: number,
  ) {
    // A shared buffer outlives growth, so these views stay good.
    const control = heap.allocateZeroed(CONTROL_BYTES);
    this.words = control.ints();
    for (let index = 1; index < threads; index++) {
      this.helpers.push(
        startHelper({
          module,
          memory: heap.memory,
          control: control.address,
          stackTop: stackTop(heap.allocate(STACK_BYTES).address),
          index,
          words: CONTROL,
        }),
      );
    }
    // `ready` reports; without it a helper that does not start only costs speed.
    for (const { up } of this.helpers) up.catch(() => undefined);
  }

  /** Threads that may take part, the caller included. */
  get size(): number {
    return this.helpers.length + 1;
  }

  /** Resolves when all helpers are up. @throws DeviceError with the reason of one that is not. */
  async ready(): Promise<void> {
    try {
      await Promise.all(this.helpers.map(({ up }) => up));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new DeviceError(`setThreads: a worker did not start: ${reason}`);
    }
  }

  run(work: WorkItems): void {
    const { params, operands, items, count, partials, scratch } = work;
    if (this.helpers.length === 0 || count < 2 || work.cost < LEAST_COST) {
      this.exports.attn_run(params, operands, items, 0, count, partials, scratch);
      return;
    }
    const step = Math.max(1, Math.floor(count / (this.size * CLAIMS)));
    this.open(work, step);
    try {
      for (;;) {
        const begin = Atomics.add(this.words, CONTROL.next, step);
        if (begin >= count) break;
        const end = Math.min(count, begin + step);
        this.exports.attn_run(params, operands, items, begin, end, partials, scratch);
      }
    } finally {
      this.close();
    }
    if (Atomics.exchange(this.words, CONTROL.failed, 0) !== 0) {
      throw new DeviceError('a worker thread failed inside a kernel; the result was dropped');
    }
  }

  /** Ends the helpers; the caller goes on alone. */
  terminate(): void {
    Atomics.store(this.words, CONTROL.stop, 1);
    this.wake();
    for (const helper of this.helpers.splice(0)) helper.terminate();
  }

  private open(work: WorkItems, step: number): void {
    const { words } = this;
    for (const name of [
      'params',
      'operands',
      'items',
      'count',
      'partials',
      'scratch',
      'scratchBytes',
    ] as const) {
      words[CONTROL[name]] = work[name];
    }
    words[CONTROL.step] = step;
    Atomics.store(words, CONTROL.next, 0);
    Atomics.store(words, CONTROL.open, 1);
    this.wake();
  }

  private wake(): void {
    Atomics.add(this.words, CONTROL.sequence, 1);
    Atomics.notify(this.words, CONTROL.sequence);
  }

  /** No helper may begin; waits for those that have. */
  private close(): void {
    const { words } = this;
    Atomics.store(words, CONTROL.open, 0);
    for (let spins = 0; ; spins++) {
      const active = Atomics.load(words, CONTROL.active);
      if (active === 0) return;
      if (this.canBlock && spins > SPINS) Atomics.wait(words, CONTROL.active, active);
    }
  }
}

/** A page's main thread may not block: it spins. */
function canBlock(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}
