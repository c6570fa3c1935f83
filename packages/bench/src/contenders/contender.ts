import type { Cell } from '../grid.js';
import type { Inputs } from '../inputs.js';

/** A prepared implementation of one cell. */
export interface Runner {
  /** Untimed, before a series of runs: makes its tfjs backend the active one. */
  activate?: () => Promise<void>;
  /** The timed call; it ends with the output in host memory. */
  run: () => void | Promise<void>;
  /** The H numbers of one query row of the last run. */
  row: (token: number, head: number) => Float32Array;
  dispose: () => void | Promise<void>;
}

/** A way of another library to compute a cell. */
export interface Peer {
  /** The library as `--peer` names it. */
  readonly family: string;
  /** Which of its ops or compositions. */
  readonly variant: string;
  /** Takes no part in other cells. */
  readonly decodeOnly?: boolean;
  /** Why it cannot do this cell, or null. */
  unfit: (cell: Cell) => string | null;
  prepare: (cell: Cell, inputs: Inputs) => Runner | Promise<Runner>;
}

/** The two WebAssembly modules of our CPU kernels: without and with fused multiply-add. */
export type WasmFlavour = 'simd' | 'relaxed';

export const fullName = ({ family, variant }: Peer): string =>
  variant === '' ? family : `${family} ${variant}`;

/** Reads row (token, head) out of `[S, N, H]`. */
export function tokenMajorRow(
  data: Float32Array,
  { numHeads, headSize }: Cell,
): (token: number, head: number) => Float32Array {
  return (token, head) => {
    const from = (token * numHeads + head) * headSize;
    return data.subarray(from, from + headSize);
  };
}

/** Reads row (token, head) out of `[N, S, H]`. */
export function headMajorRow(
  data: Float32Array,
  { queryLen, headSize }: Cell,
): (token: number, head: number) => Float32Array {
  return (token, head) => {
    const from = (head * queryLen + token) * headSize;
    return data.subarray(from, from + headSize);
  };
}
