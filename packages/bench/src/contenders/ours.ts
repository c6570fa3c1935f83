import { setWasmModule } from '@tfjs-attention/backend-cpu';
import type { KvCacheDtype } from '@tfjs-attention/core';
import * as tf from '@tensorflow/tfjs-core';
import { isPaged, type Cell } from '../grid.js';
import type { Inputs } from '../inputs.js';
import type { Runner, WasmFlavour } from './contender.js';
import { denseRunner } from './fused_dense.js';
import { pagedRunner } from './fused_paged.js';

/** tfjs backends that our CPU kernels attach to, as WebAssembly or as machine code. */
const WASM_BACKENDS = ['cpu', 'wasm'] as const;
export const BACKENDS = [...WASM_BACKENDS, 'tensorflow'] as const;
export type Backend = (typeof BACKENDS)[number];

/** Without tfjs-node, which has to be set up first. */
export const DEFAULT_BACKENDS: readonly Backend[] = WASM_BACKENDS;

/** Kernels that are timed together: those of one WebAssembly module, or machine code where it is undefined. */
export interface Round {
  readonly wasm?: WasmFlavour;
  readonly backends: readonly Backend[];
}

export function roundsOf(
  backends: readonly Backend[],
  flavours: readonly WasmFlavour[],
): readonly Round[] {
  const native = backends.filter((name) => name === 'tensorflow');
  const onWasm = backends.filter((name) => name !== 'tensorflow');
  return [
    ...(native.length > 0 ? [{ backends: native }] : []),
    ...(onWasm.length > 0 ? flavours.map((wasm) => ({ wasm, backends: onWasm })) : []),
  ];
}

/** Modules that this engine takes, best first. */
export function flavoursHere(): WasmFlavour[] {
  return (['relaxed', 'simd'] as const).filter((flavour) => {
    try {
      setWasmModule(flavour);
      return true;
    } catch {
      return false;
    } finally {
      setWasmModule('auto');
    }
  });
}

/** Makes a round's module serve from now on. No cache may be alive. */
export function useRound({ wasm }: Round): void {
  if (wasm !== undefined) setWasmModule(wasm);
}

/** Our ops on one tfjs backend. Leaves that backend active. */
export async function prepareOurs(
  cell: Cell,
  inputs: Inputs,
  backend: Backend,
  dtype: KvCacheDtype,
): Promise<Runner> {
  const activate = async () => void (await tf.setBackend(backend));
  await activate();
  const runner = isPaged(cell) ? pagedRunner(cell, inputs, dtype) : denseRunner(cell, inputs);
  return { ...runner, activate };
}
