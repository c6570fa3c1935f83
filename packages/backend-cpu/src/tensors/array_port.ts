import type { TensorInfo } from '@tensorflow/tfjs-core';
import { ArrayRegion } from '../heap/region.js';
import { sizeOf, type Output, type OutputType, type TensorPort } from './port.js';
import type { CpuBackend } from './tfjs_backends.js';

/** tfjs-cpu's own arrays, read and made without a copy. */
export class ArrayPort implements TensorPort {
  constructor(private readonly backend: CpuBackend) {}

  input(info: TensorInfo): ArrayRegion {
    return new ArrayRegion(this.valuesOf(info));
  }

  output(shape: readonly number[], dtype: OutputType): Output {
    const size = sizeOf(shape);
    const values = dtype === 'float32' ? new Float32Array(size) : new Int32Array(size);
    return {
      region: new ArrayRegion(values),
      info: () => this.backend.makeTensorInfo([...shape], dtype, values),
      discard: () => undefined,
    };
  }

  /** The tensor's own array wherever it has the element type that its dtype says. */
  private valuesOf({ dataId, dtype }: TensorInfo): Float32Array | Int32Array | Uint8Array {
    const { values } = this.backend.data.get(dataId);
    switch (dtype) {
      case 'float32':
        return values instanceof Float32Array ? values : Float32Array.from(values as number[]);
      case 'int32':
        return values instanceof Int32Array ? values : Int32Array.from(values as number[]);
      case 'bool':
        return values instanceof Uint8Array ? values : Uint8Array.from(values as number[]);
      case 'complex64':
      case 'string':
        throw new TypeError(`a ${dtype} tensor reached an attention kernel`);
      default:
        return dtype satisfies never;
    }
  }
}
