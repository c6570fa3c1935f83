/** Weight types by their safetensors names, with bytes per element. */
export const WEIGHT_BYTES = { F32: 4, F16: 2, BF16: 2 } as const;
export type WeightDtype = keyof typeof WEIGHT_BYTES;

export function isWeightDtype(name: string): name is WeightDtype {
  return Object.hasOwn(WEIGHT_BYTES, name);
}

/** Little-endian weights as float32. */
export function toFloat32(dtype: WeightDtype, bytes: ArrayBuffer): Float32Array {
  switch (dtype) {
    case 'F32':
      return new Float32Array(bytes);
    case 'F16':
      return fromFloat16(new Uint16Array(bytes));
    case 'BF16':
      return fromBfloat16(new Uint16Array(bytes));
    default:
      return dtype satisfies never;
  }
}

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(codes: Uint16Array): Float32Array {
  const bits = new Uint32Array(codes.length);
  for (let i = 0; i < codes.length; i++) bits[i] = codes[i] << 16;
  return new Float32Array(bits.buffer);
}

let float16Values: Float32Array | undefined;

function fromFloat16(codes: Uint16Array): Float32Array {
  float16Values ??= Float32Array.from({ length: 2 ** 16 }, (_, code) => float16Value(code));
  const values = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) values[i] = float16Values[codes[i]];
  return values;
}

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function float16Value(code: number): number {
  const sign = code & 0x8000 ? -1 : 1;
  const exponent = (code >> 10) & 31;
  const fraction = code & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
