import { decode } from '@tfjs-attention/core/provider';

/** A tensor of a data file. */
export interface TensorData {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Base64 of little-endian values. */
  readonly data: string;
  /** The type of `data` where it is not `dtype`. */
  readonly storedAs?: string;
}

export function bytesOf({ data }: TensorData): Uint8Array {
  const text = atob(data);
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** The values as numbers. */
export function valuesOf(tensor: TensorData): Float64Array {
  const { buffer } = bytesOf(tensor);
  const type = tensor.storedAs ?? tensor.dtype;
  switch (type) {
    case 'float64':
    case 'double':
      return new Float64Array(buffer);
    case 'float32':
      return Float64Array.from(new Float32Array(buffer));
    case 'float16':
    case 'bfloat16':
      return Float64Array.from(new Uint16Array(buffer), (code) => decode(type, code));
    case 'int64':
      return Float64Array.from(new BigInt64Array(buffer), Number);
    case 'int32':
      return Float64Array.from(new Int32Array(buffer));
    case 'int8':
      return Float64Array.from(new Int8Array(buffer));
    case 'uint8':
    case 'bool':
      return Float64Array.from(new Uint8Array(buffer));
    default:
      throw new Error(`a tensor of type '${type}' cannot be read`);
  }
}

export function floatsOf(tensor: TensorData): Float32Array {
  return Float32Array.from(valuesOf(tensor));
}

export function intsOf(tensor: TensorData): Int32Array {
  return Int32Array.from(valuesOf(tensor));
}
