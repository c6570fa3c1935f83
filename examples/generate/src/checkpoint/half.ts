/** Weight types by their safetensors names, with bytes per element. */
export const WEIGHT_BYTES = { F32: 4, F16: 2, BF16: 2 } as const;
export type WeightDtype = keyof typeof WEIGHT_BYTES;

export function isWeightDtype(name: string): name is WeightDtype {
  return Object.hasOwn(WEIGHT_BYTES, name);
}

/** Turns little-endian weights into float32: `values.length` of them, from the start of `bytes`. */
export function decodeWeights(dtype: WeightDtype, bytes: ArrayBuffer, values: Float32Array): void {
  switch (dtype) {
    case 'F32':
      values.set(new Float32Array(bytes, 0, values.length));
      break;
    case 'F16':
      decodeFloat16(new Uint16Array(bytes, 0, values.length), values);
      break;
    case 'BF16':
      decodeBfloat16(new Uint16Array(bytes, 0, values.length), values);
      break;
    default:
      dtype satisfies never;
  }
}

/** bfloat16 is the upper half of a float32. */
function decodeBfloat16(codes: Uint16Array, values: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < codes.length; i++) bits[i] = codes[i] << 16;
}

let float16Values: Float32Array | undefined;

function decodeFloat16(codes: Uint16Array, values: Float32Array): void {
  float16Values ??= Float32Array.from({ length: 2 ** 16 }, (_, code) => float16Value(code));
  for (let i = 0; i < codes.length; i++) values[i] = float16Values[codes[i]];
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
