import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';

export type DataId = TensorInfo['dataId'];

/** One program's time, as tfjs collects them while `tf.time` or `tf.profile` runs. */
interface ActiveTimer {
  name: string;
  query: Promise<number>;
}

/** The parts of tfjs's WebGPU backend that are used here, some of which it declares private. */
export interface TfjsWebGpu {
  readonly device: GPUDevice;
  readonly queue: GPUQueue;
  readonly adapterInfo?: { readonly vendor?: string; readonly architecture?: string };
  readonly tensorMap: { get(dataId: DataId): { resource?: unknown } };
  readonly bufferManager: {
    acquireBuffer(size: number, usage: number): GPUBuffer;
    releaseBuffer(buffer: GPUBuffer, reuse?: boolean): void;
    /** Counted by tf.memory(). */
    numBytesUsed: number;
    numBytesAllocated: number;
  };
  /** Tensors that unsubmitted commands use: their buffers outlive `dispose()` until then. */
  readonly commandQueueOwnedIds: WeakSet<object>;
  /** Buffers given back once the commands recorded so far are submitted. */
  readonly uniformPendingDisposal: GPUBuffer[];
  readonly supportTimestampQuery: boolean;
  readonly querySetCount: number;
  readonly activeTimers?: ActiveTimer[] | null;
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  querySet: GPUQuerySet | null;
  makeTensorInfo(shape: number[], dtype: DataType): TensorInfo;
  uploadToGPU(dataId: DataId): void;
  disposeData(dataId: DataId): boolean;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  getQueryTime(): Promise<number>;
}

/** The one cast at tfjs's boundary: the kernel registry hands the backend object over as `{}`. */
export function asWebGpuBackend(backend: object): TfjsWebGpu {
  return backend as WebGPUBackend as unknown as TfjsWebGpu;
}
