import type { Tensor, TensorInfo } from '@tensorflow/tfjs-core';

/** A tensor inside TensorFlow, as tfjs-node's binding tells of it. */
export interface TensorMetadata {
  id: number;
  shape: number[];
  dtype: number;
}

export interface OpAttribute {
  name: string;
  type: number;
  value: number;
}

/** What we use of tfjs-node's binding; ids are TensorFlow's tensors, which no tfjs tensor need stand for. */
export interface Binding {
  createTensor(
    shape: readonly number[],
    dtype: number,
    values: Float32Array | Int32Array | Uint8Array,
  ): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array;
  executeOp(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): TensorMetadata[];
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_BOOL: number;
  readonly TF_ATTR_INT: number;
}

/** What we use of `NodeJSKernelBackend`; its last two members are private to TypeScript only. */
export interface TensorFlowBackend {
  readonly binding: Binding;
  readonly isUsingGpuDevice: boolean;
  getInputTensorIds(tensors: readonly TensorInfo[]): number[];
  createOutputTensor(metadata: TensorMetadata): Tensor;
}

/** tfjs types a backend object as {}; the registry promises that it is tfjs-node's. */
export function asTensorFlow(backend: object): TensorFlowBackend {
  return backend as TensorFlowBackend;
}
