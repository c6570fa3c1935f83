import {
  engine,
  registerKernel,
  type KernelFunc,
  type NamedAttrMap,
  type Tensor,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import type { KvStorage } from './kv_cache/storage.js';
import type { AttentionPlan } from './utils/plan_attention.js';
import type { AttentionProblem, AttentionTensors } from './problem/problem.js';
import type { KvCacheDtype } from './problem/params.js';

type Infos<T> = { [name in keyof T]: TensorInfo };

/** Every tfjs kernel of this library: what goes in (tensors), what rides along (attrs), what comes out. */
export interface AttentionKernels {
  /** Dense attention: output, then lse where `spec.returnLse`. */
  TfjsAttnPrefill: { inputs: AttentionTensors; attrs: { problem: AttentionProblem } };
  /** Attention over a cache: as above; k and v are the storage. */
  TfjsAttnPaged: {
    inputs: AttentionTensors;
    attrs: { problem: AttentionProblem; storage: KvStorage };
  };
  /** Writes k, v `[T, K, H]` into the plan's slots. No output. */
  TfjsAttnReshapeAndCache: {
    inputs: { k: Tensor; v: Tensor };
    attrs: { plan: AttentionPlan; storage: KvStorage };
  };
  /** Dequantised keys and values of the slots: `[T, K, H]`, `[T, K, Hv]`. */
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

export type AttentionKernelName = keyof AttentionKernels;

/** The documented kernel table: a backend package registers all of these under its tfjs backend name. */
export const KERNEL_NAMES: readonly AttentionKernelName[] = [
  'TfjsAttnConvertFp8',
  'TfjsAttnGatherCache',
  'TfjsAttnMergeStates',
  'TfjsAttnPaged',
  'TfjsAttnPrefill',
  'TfjsAttnReshapeAndCache',
];

/** A kernel as a backend writes it. */
export type AttentionKernel<Name extends AttentionKernelName, Backend> = (args: {
  inputs: Infos<AttentionKernels[Name]['inputs']>;
  attrs: AttentionKernels[Name]['attrs'];
  backend: Backend;
}) => TensorInfo[];

/** A backend's whole table. */
export type AttentionKernelTable<Backend> = {
  [Name in AttentionKernelName]: AttentionKernel<Name, Backend>;
};

/** Registers a table under a tfjs backend name. */
export function registerAttentionKernels<Backend>(
  backendName: string,
  table: AttentionKernelTable<Backend>,
): void {
  for (const kernelName of KERNEL_NAMES) {
    // The one cast at the tfjs boundary: tfjs types attrs as numbers and strings, but passes them by reference.
    registerKernel({
      kernelName,
      backendName,
      kernelFunc: table[kernelName] as unknown as KernelFunc,
    });
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
