import {
  engine,
  getKernel,
  registerKernel,
  unregisterKernel,
  type KernelFunc,
  type NamedAttrMap,
  type Tensor,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { recordedKernel } from './gradients/recorded.js';
import type { KvStorage } from './kv_cache/storage.js';
import type { AttentionPlan } from './utils/plan_attention.js';
import type { AttentionProblem, AttentionTensors } from './problem/problem.js';
import type { KvCacheDtype } from './problem/params.js';

type Infos<T> = { [name in keyof T]: TensorInfo };

/** Every tfjs kernel of this library: what goes in (tensors), what rides along (attrs), what comes out. */
export interface AttentionKernels {
  /** Dense attention: output, then lse where `spec.returnLse`. */
  TfjsAttnPrefill: { inputs: AttentionTensors; attrs: { problem: AttentionProblem } };
  /**
   * Gradients of a dense call with respect to the operands in `wants`, in that order, each in its operand's shape. `dout`
   * and `dlse` are the loss's with respect to `out` and `lse`, which the forward call gave.
   */
  TfjsAttnBackward: {
    inputs: AttentionTensors & BackwardTensors;
    attrs: { problem: AttentionProblem; wants: readonly GradientName[] };
  };
  /** Attention over a cache: as above; k and v are the storage. */
  TfjsAttnPaged: {
    inputs: AttentionTensors;
    attrs: { problem: AttentionProblem; storage: KvStorage };
  };
  /** Writes k, v `[T, K, H]` into the plan's slots; no v where `layout.valueInKey`. No output. */
  TfjsAttnReshapeAndCache: {
    inputs: { k: Tensor; v?: Tensor };
    attrs: { plan: AttentionPlan; storage: KvStorage };
  };
  /** Dequantised keys and values of the slots: `[T, K, H]`, `[T, K, Hv]`; keys alone where `layout.valueInKey`. */
  TfjsAttnGatherCache: {
    inputs: Record<string, never>;
    attrs: { slots: Int32Array; storage: KvStorage };
  };
  /** Merged output `[T, N, Hv]` and lse `[T, N]` of two states. */
  TfjsAttnMergeStates: {
    inputs: { outputA: Tensor; lseA: Tensor; outputB: Tensor; lseB: Tensor; sinks?: Tensor };
    attrs: Record<string, never>;
  };
  /** float32 to fp8 codes (int32) or back. */
  TfjsAttnConvertFp8: {
    inputs: { x: Tensor };
    attrs: {
      scale: number;
      dtype: Extract<KvCacheDtype, 'fp8_e4m3' | 'fp8_e5m2'>;
      decode: boolean;
    };
  };
}

/** What a backward call reads beside the forward call's operands. */
export type BackwardTensors = Record<'out' | 'lse' | 'dout' | 'dlse', Tensor>;

/** Operands that a backward kernel gives gradients for; those of sinks follow from out and lse by stock ops. */
export type GradientName = 'q' | 'k' | 'v' | 'bias' | 'alibiSlopes' | 'qqBias';

export type AttentionKernelName = keyof AttentionKernels;

/** The documented kernel table: a backend package registers all of these under its tfjs backend name. */
export const KERNEL_NAMES: readonly Exclude<AttentionKernelName, 'TfjsAttnBackward'>[] = [
  'TfjsAttnConvertFp8',
  'TfjsAttnGatherCache',
  'TfjsAttnMergeStates',
  'TfjsAttnPaged',
  'TfjsAttnPrefill',
  'TfjsAttnReshapeAndCache',
];

/**
 * What a backend has beside that table if it trains: a backward kernel, and with it TfjsAttnForward, which is its
 * TfjsAttnPrefill with a list of inputs ({@link recordedKernel}). Without them a gradient tape takes the composed ops.
 */
export const TRAINING_KERNEL_NAMES = ['TfjsAttnBackward', 'TfjsAttnForward'] as const;

/** Whether a tfjs backend has the kernels that a gradient tape needs. */
export function canTrain(tfBackend: string): boolean {
  return TRAINING_KERNEL_NAMES.every((name) => getKernel(name, tfBackend) != null);
}

/** A kernel as a backend writes it. */
export type AttentionKernel<Name extends AttentionKernelName, Backend> = (args: {
  inputs: Infos<AttentionKernels[Name]['inputs']>;
  attrs: AttentionKernels[Name]['attrs'];
  backend: Backend;
}) => TensorInfo[];

/** A backend's whole table. */
export type AttentionKernelTable<Backend> = {
  [Name in (typeof KERNEL_NAMES)[number]]: AttentionKernel<Name, Backend>;
} & { TfjsAttnBackward?: AttentionKernel<'TfjsAttnBackward', Backend> };

/** Registers a table under a tfjs backend name. */
export function registerAttentionKernels<Backend>(
  backendName: string,
  table: AttentionKernelTable<Backend>,
): void {
  // The one cast at the tfjs boundary: tfjs types attrs as numbers and strings, but passes them by reference.
  const register = (kernelName: string, kernel: unknown) =>
    registerKernel({ kernelName, backendName, kernelFunc: kernel as KernelFunc });
  for (const name of KERNEL_NAMES) register(name, table[name]);
  if (table.TfjsAttnBackward === undefined) return;
  register('TfjsAttnBackward', table.TfjsAttnBackward);
  register('TfjsAttnForward', recordedKernel(table.TfjsAttnPrefill));
}

/** Takes back whatever of ours stands under a name: kernels of another copy of a package, or copied with a stock backend. */
export function unregisterAttentionKernels(backendName: string): void {
  for (const name of [...KERNEL_NAMES, ...TRAINING_KERNEL_NAMES]) {
    if (getKernel(name, backendName) != null) unregisterKernel(name, backendName);
  }
}

/** Runs a kernel of the active tfjs backend. */
export function runAttentionKernel<Name extends AttentionKernelName>(
  name: Name,
  inputs: AttentionKernels[Name]['inputs'],
  attrs: AttentionKernels[Name]['attrs'],
): Tensor[] {
  return engine().runKernel(name, inputs, attrs as unknown as NamedAttrMap) as unknown as Tensor[];
}
