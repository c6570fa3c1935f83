import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';
import { CapacityError } from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';

/** One kernel call: its tensors as buffers, and scratch that ends with it. */
export class Call {
  private readonly scratchBuffers: GPUBuffer[] = [];
  private readonly outputs: TensorInfo[] = [];

  constructor(
    readonly device: Device,
    readonly op: string,
  ) {}

  input(name: string, info: TensorInfo): GPUBufferBinding {
    return { buffer: this.bufferOf(name, info) };
  }

  /** The next tensor of the call's result. */
  output(shape: readonly number[], dtype: DataType = 'float32'): GPUBufferBinding {
    const info = this.device.tfjs.makeTensorInfo([...shape], dtype);
    this.outputs.push(info);
    return { buffer: this.bufferOf('the output', info) };
  }

  scratch(bytes: number): GPUBuffer {
    this.checkBinding('scratch', bytes);
    return this.keep(this.device.buffers.scratch(bytes));
  }

  uniform(data: ArrayBuffer): GPUBufferBinding {
    return { buffer: this.keep(this.device.buffers.uniform(data)) };
  }

  upload(words: Int32Array<ArrayBuffer>): GPUBufferBinding {
    this.checkBinding('the metadata', words.byteLength);
    return { buffer: this.keep(this.device.buffers.upload(words)) };
  }

  results(): TensorInfo[] {
    return this.outputs;
  }

  discardOutputs(): void {
    for (const { dataId } of this.outputs) this.device.tfjs.disposeData(dataId);
  }

  release(): void {
    for (const buffer of this.scratchBuffers) this.device.buffers.give(buffer);
  }

  private keep(buffer: GPUBuffer): GPUBuffer {
    this.scratchBuffers.push(buffer);
    return buffer;
  }

  private bufferOf(name: string, { dataId, shape }: TensorInfo): GPUBuffer {
    const { tfjs } = this.device;
    this.checkBinding(
      name,
      shape.reduce((size, axis) => size * axis, 4),
    );
    tfjs.uploadToGPU(dataId);
    const { resource } = tfjs.tensorMap.get(dataId);
    if (!(resource instanceof GPUBuffer)) throw new Error(`tfjs keeps no buffer of ${name}`);
    tfjs.commandQueueOwnedIds.add(dataId);
    return resource;
  }

  private checkBinding(name: string, bytes: number): void {
    const most = this.device.limits.bindingBytes;
    if (bytes <= most) return;
    throw new CapacityError(
      `${this.op}: ${name} has ${bytes} bytes, a storage binding of this device ends at ${most}; split the batch, or ` +
        'keep keys and values in a KvCache, which may lie in several buffers',
    );
  }
}

/** Runs `body` of an op and returns the outputs that it asked for; when it throws, nothing is left behind. */
export function runCall(device: Device, op: string, body: (call: Call) => void): TensorInfo[] {
  const call = new Call(device, op);
  try {
    body(call);
    return call.results();
  } catch (error) {
    call.discardOutputs();
    throw error;
  } finally {
    call.release();
  }
}

/** Workgroups along x and y for a count along one line. */
export function spread(device: Device, count: number): readonly [x: number, y: number] {
  const most = device.limits.workgroupsPerDimension;
  return [Math.min(count, most), Math.ceil(count / most)];
}
