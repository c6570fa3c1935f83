import { io, util } from '@tensorflow/tfjs-core';
import { check } from './errors.js';
import { halfToFloat } from './half.js';

/** A constant's value; int32 and bool as numbers. */
export interface ConstantValue {
  dtype: string;
  shape: readonly number[];
  values: ArrayLike<number>;
}

const BYTES: Record<string, number> = { float32: 4, int32: 4, bool: 1, complex64: 8 };
const STORED_BYTES: Record<string, number> = { uint8: 1, uint16: 2, float16: 2, float32: 4, int32: 4, bool: 1 }; // prettier-ignore

/** The weights of a model by name; values are decoded when asked for. */
export class Weights {
  private readonly places = new Map<string, { spec: io.WeightsManifestEntry; start: number; bytes: number }>(); // prettier-ignore
  private readonly data: io.CompositeArrayBuffer;

  /** @throws InvalidArgumentError where specs and bytes do not fit together. */
  constructor(specs: readonly io.WeightsManifestEntry[], data: io.WeightData) {
    this.data = new io.CompositeArrayBuffer(data);
    let start = 0;
    for (const spec of specs) {
      const bytes = this.bytesOf(spec, start);
      check(!this.places.has(spec.name), () => `two weights are called '${spec.name}'`);
      check(
        start + bytes <= this.data.byteLength,
        () =>
          `weight '${spec.name}' needs bytes ${start} to ${start + bytes}, the weight data ends at ` +
          `${this.data.byteLength}: a shard is missing or cut off`,
      );
      this.places.set(spec.name, { spec, start, bytes });
      start += bytes;
    }
  }

  has(name: string): boolean {
    return this.places.has(name);
  }

  /** Axes of a weight. */
  shape(name: string): readonly number[] | undefined {
    return this.places.get(name)?.spec.shape;
  }

  /** `undefined` for what is not there and for strings and complex numbers. */
  value(name: string): ConstantValue | undefined {
    const place = this.places.get(name);
    if (place === undefined) return undefined;
    const { spec, start, bytes } = place;
    if (spec.dtype === 'string' || spec.dtype === 'complex64') return undefined;
    const stored = spec.quantization?.dtype ?? spec.dtype;
    const raw = typed(stored, this.data.slice(start, start + bytes));
    return { dtype: spec.dtype, shape: spec.shape, values: dequantised(spec, raw) };
  }

  private bytesOf(spec: io.WeightsManifestEntry, start: number): number {
    const size = util.sizeFromShape(spec.shape);
    if (spec.dtype === 'string') return this.stringBytes(spec.name, size, start);
    check(
      BYTES[spec.dtype] !== undefined,
      () =>
        `weight '${spec.name}' has dtype '${String(spec.dtype)}', TensorFlow.js reads ${Object.keys(BYTES).join(', ')} and string`,
    );
    const stored: string | undefined = spec.quantization?.dtype;
    if (stored === undefined) return size * BYTES[spec.dtype];
    check(
      STORED_BYTES[stored] !== undefined,
      () =>
        `weight '${spec.name}' is quantised to '${stored}', which is none of uint8, uint16, float16`,
    );
    return size * STORED_BYTES[stored];
  }

  /** Each string stands behind its length, a little-endian uint32. */
  private stringBytes(name: string, count: number, start: number): number {
    let at = start;
    for (let i = 0; i < count; i++) {
      check(
        at + 4 <= this.data.byteLength,
        () => `weight '${name}': the weight data ends inside it`,
      );
      at += 4 + new DataView(this.data.slice(at, at + 4)).getUint32(0, true);
    }
    return at - start;
  }
}

function typed(dtype: string, bytes: ArrayBuffer): ArrayLike<number> {
  switch (dtype) {
    case 'float32':
      return new Float32Array(bytes);
    case 'int32':
      return new Int32Array(bytes);
    case 'uint16':
    case 'float16':
      return new Uint16Array(bytes);
    default:
      return new Uint8Array(bytes);
  }
}

function dequantised(spec: io.WeightsManifestEntry, raw: ArrayLike<number>): ArrayLike<number> {
  if (spec.quantization === undefined) return raw;
  if (spec.quantization.dtype === 'float16') return Float32Array.from(raw, halfToFloat);
  const { scale = 1, min = 0 } = spec.quantization;
  return Float32Array.from(raw, (value) => value * scale + min);
}
