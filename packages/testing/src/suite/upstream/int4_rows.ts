import { codesPerRow } from '@tfjs-attention/core/provider';

const { floor, fround, max, min } = Math;

const words = new DataView(new ArrayBuffer(4));

/** float32 bits with the last four replaced. */
function withLowBits(x: number, low: number): number {
  words.setFloat32(0, x);
  words.setUint32(0, ((words.getUint32(0) >>> 4) << 4) | low);
  return words.getFloat32(0);
}

/** A row of ordinary numbers as an int4 cache keeps it, said once more beside the encoder of core. */
export function int4Row(row: Float32Array): {
  bytes: Uint8Array;
  stored: number;
  values: Float32Array;
} {
  const low = min(0, ...row);
  const scale = max(fround(fround(max(0, ...row) - low) / 15), fround(1e-6));
  const factor = withLowBits(scale, 0);
  const zero = min(15, floor(fround(-low / factor) + 0.5));
  const codes = Array.from(row, (x) => {
    const steps = fround(x / factor);
    const whole = steps < 0 ? -floor(0.5 - steps) : floor(steps + 0.5);
    return max(0, min(15, whole + zero));
  });
  const bytes = Uint8Array.from(
    { length: codesPerRow('int4_per_token_head', row.length) },
    (_, i) => codes[2 * i] + 16 * (codes[2 * i + 1] ?? 0),
  );
  const values = Float32Array.from(codes, (code) => (code - zero) * factor);
  return { bytes, stored: withLowBits(scale, zero), values };
}
