import { setWasmModule } from '@tfjs-attention/backend-cpu';
import type { KvCacheDtype } from '@tfjs-attention/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Cell } from '../grid.js';
import type { Inputs } from '../inputs.js';
import type { Runner, WasmFlavour } from './contender.js';
import { denseRunner } from './fused_dense.js';
import { pagedRunner } from './fused_paged.js';

/** tfjs backends that our CPU kernels attach to. */
export const BACKENDS = ['cpu', 'wasm'] as const;
export type Backend = (typeof BACKENDS)[number];

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

/** Makes a module serve from now on. No cache may be alive. */
export function useFlavour(flavour: WasmFlavour): void {
  setWasmModule(flavour);
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
  const runner =
    cell.group === 'decode' ? pagedRunner(cell, inputs, dtype) : denseRunner(cell, inputs);
  return { ...runner, activate };
}
