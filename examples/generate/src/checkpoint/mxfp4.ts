/** Weights that share a scale. */
export const MXFP4_BLOCK = 32;

/** e2m1 codes without their sign, which is the fourth bit. */
const E2M1 = [0, 0.5, 1, 1.5, 2, 3, 4, 6];

/**
 * Decodes MXFP4 (OCP Microscaling Formats 1.0): 4-bit floats, two a byte with the lower half first, in blocks of 32
 * that share a power of two.
 *
 * @param codes 16 bytes a block
 * @param scales a byte a block: the exponent plus 127, 255 = NaN
 */
export function decodeMxfp4(codes: Uint8Array, scales: Uint8Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(codes.length * 2);
  for (let block = 0; block < scales.length; block++) {
    const scale = scales[block] === 255 ? NaN : 2 ** (scales[block] - 127);
    const start = block * MXFP4_BLOCK;
    for (let i = 0; i < MXFP4_BLOCK; i++) {
      const code = (codes[(start + i) >> 1] >> (i % 2 === 0 ? 0 : 4)) & 15;
      values[start + i] = (code & 8 ? -scale : scale) * E2M1[code & 7];
    }
  }
  return values;
}
