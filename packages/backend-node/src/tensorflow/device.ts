import type { Tensor, TensorInfo } from '@tensorflow/tfjs-core';
import { asTensorFlow, type Binding, type OpAttribute, type TensorFlowBackend } from './backend.js';
import { HostWords } from './host_words.js';
import { nameOp } from './status.js';

type EmptyKind = 'float' | 'int' | 'bool';

/** One tfjs backend object: runs TensorFlow ops by name and keeps the small tensors that their calls share. */
export class Device {
  readonly params: HostWords;
  readonly ints: HostWords;
  private readonly empties = new Map<EmptyKind, number>();

  private constructor(private readonly backend: TensorFlowBackend) {
    this.params = new HostWords(backend.binding, false);
    this.ints = new HostWords(backend.binding, this.usesGpu);
  }

  private static readonly devices = new WeakMap<object, Device>();

  static of(backend: object): Device {
    let found = Device.devices.get(backend);
    if (found === undefined) {
      found = new Device(asTensorFlow(backend));
      Device.devices.set(backend, found);
    }
    return found;
  }

  get binding(): Binding {
    return this.backend.binding;
  }

  get usesGpu(): boolean {
    return this.backend.isUsingGpuDevice;
  }

  /** TensorFlow's id of a tensor. */
  idOf(info: TensorInfo): number {
    return this.backend.getInputTensorIds([info])[0];
  }

  /** An operand; a tensor without elements stands for an absent one. */
  operand(info: TensorInfo | undefined, kind: EmptyKind = 'float'): number {
    return info === undefined ? this.empty(kind) : this.idOf(info);
  }

  empty(kind: EmptyKind): number {
    let id = this.empties.get(kind);
    if (id === undefined) {
      id = this.createEmpty(kind);
      this.empties.set(kind, id);
    }
    return id;
  }

  private createEmpty(kind: EmptyKind): number {
    const { binding } = this;
    switch (kind) {
      case 'float':
        return binding.createTensor([0], binding.TF_FLOAT, new Float32Array(0));
      case 'int':
        return binding.createTensor([0], binding.TF_INT32, new Int32Array(0));
      case 'bool':
        return binding.createTensor([0], binding.TF_BOOL, new Uint8Array(0));
    }
  }

  /** Runs `body` with the id of a tensor of int32 words that ends with it. */
  withInts<T>(values: Int32Array, body: (id: number) => T): T {
    return this.withTensor(this.binding.TF_INT32, values, body);
  }

  /** The same with float32 numbers. */
  withFloats<T>(values: Float32Array, body: (id: number) => T): T {
    return this.withTensor(this.binding.TF_FLOAT, values, body);
  }

  private withTensor<T>(
    dtype: number,
    values: Float32Array | Int32Array,
    body: (id: number) => T,
  ): T {
    const { binding } = this;
    const id = binding.createTensor([values.length], dtype, values);
    try {
      return body(id);
    } finally {
      binding.deleteTensor(id);
    }
  }

  /**
   * Runs an op; its outputs become tfjs tensors.
   *
   * @throws CapacityError, InvalidArgumentError or DeviceError as TensorFlow says, named for the `caller`.
   */
  run(
    caller: string,
    name: string,
    inputs: readonly number[],
    outputs: number,
    attributes: readonly OpAttribute[] = [],
  ): Tensor[] {
    try {
      return this.binding
        .executeOp(name, attributes, inputs, outputs)
        .map((metadata) => this.backend.createOutputTensor(metadata));
    } catch (error) {
      throw nameOp(caller, error);
    }
  }

  /** Runs an op of one output and reads that; no tfjs tensor comes about. */
  read(
    caller: string,
    name: string,
    inputs: readonly number[],
  ): Float32Array | Int32Array | Uint8Array {
    try {
      const [{ id }] = this.binding.executeOp(name, [], inputs, 1);
      try {
        return this.binding.tensorDataSync(id);
      } finally {
        this.binding.deleteTensor(id);
      }
    } catch (error) {
      throw nameOp(caller, error);
    }
  }
}
