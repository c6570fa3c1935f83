import type { KvCacheDtype } from '@tfjs-attention/core';
import { nativeCeiling } from './contenders/native.js';
import type { Round } from './contenders/ours.js';
import type { Cell } from './grid.js';
import { nativeCeilingOf } from './native_ceiling.js';
import type { Entrant } from './timing.js';
import { wasmCeiling } from './wasm_ceiling.js';
import { cacheBytes } from './work.js';

/** What a machine can do at most with the instructions of some kernels. */
export interface Ceiling {
  /** Multiply-adds: in registers alone, and a register tile on first-level data. Either may be the faster one. */
  readonly compute: readonly Task[];
  /** One sequential pass over as many bytes as the kernel reads. */
  readonly read: (bytes: number) => Task;
}

interface Task {
  readonly run: () => void;
  /** Flops or bytes a run. */
  readonly work: number;
}

/** Warming up finds the real time. */
const GUESSED_MS = 1;

/** A ceiling to be timed beside the kernels. */
export interface CeilingEntrant extends Entrant {
  /** Flops or bytes a run. */
  readonly work: number;
  /** The cache whose bytes are read; null = flops, which bound every row. */
  readonly dtype: KvCacheDtype | null;
}

/**
 * What bounds a cell: flops for prefill, reading each cache type's bytes for decode. That of WebAssembly is for one
 * thread, so more have none.
 */
export function ceilingEntrants(cell: Cell, round: Round, threads: number): CeilingEntrant[] {
  const ceiling = ceilingOf(round, threads);
  if (ceiling === undefined) return [];
  const entrant = ({ run, work }: Task, dtype: KvCacheDtype | null) => ({
    runner: { run },
    firstMs: GUESSED_MS,
    work,
    dtype,
  });
  if (cell.group !== 'decode') return ceiling.compute.map((task) => entrant(task, null));
  return cell.kvDtypes.map((dtype) => entrant(ceiling.read(cacheBytes(cell, dtype)), dtype));
}

function ceilingOf({ wasm }: Round, threads: number): Ceiling | undefined {
  if (wasm !== undefined) return threads === 1 ? wasmCeiling(wasm) : undefined;
  const native = nativeCeiling();
  return native && nativeCeilingOf(native, threads);
}
