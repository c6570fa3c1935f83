/** Host rows of `rowBytes` as whole texels of 16 bytes. Padding is 0, so that it may be multiplied. */
export function padRows(
  bytes: Uint8Array,
  rowBytes: number,
  rowTexels: number,
): Uint8Array<ArrayBuffer> {
  const stride = rowTexels * 16;
  if (stride === rowBytes) return Uint8Array.from(bytes);
  const rows = bytes.length / rowBytes;
  const padded = new Uint8Array(rows * stride);
  for (let row = 0; row < rows; row++) {
    padded.set(bytes.subarray(row * rowBytes, (row + 1) * rowBytes), row * stride);
  }
  return padded;
}

/** The other way. */
export function stripRows(padded: Uint8Array, rowBytes: number, rowTexels: number): Uint8Array {
  const stride = rowTexels * 16;
  if (stride === rowBytes) return padded;
  const rows = padded.length / stride;
  const bytes = new Uint8Array(rows * rowBytes);
  for (let row = 0; row < rows; row++) {
    bytes.set(padded.subarray(row * stride, row * stride + rowBytes), row * rowBytes);
  }
  return bytes;
}
