import {
  bytesPerElement,
  codesPerRow,
  decodeRow,
  type AttentionInts,
  type AttentionParams,
  type KvBlockBytes,
  type KvCacheLayout,
} from '@tfjs-attention/core/provider';
import type { ReferenceInputs } from '@tfjs-attention/core/reference';

const CODES = { 0.5: Uint8Array, 1: Uint8Array, 2: Uint16Array, 4: Uint32Array } as const;

/** Reads a cache's bytes as the oracle wants them: scales applied, rounded to float32. */
export function storedReader(
  layout: KvCacheLayout,
  bytes: KvBlockBytes,
  params: AttentionParams,
  ints: AttentionInts,
): Pick<ReferenceInputs, 'key' | 'value'> {
  const { blockSize, numKvHeads, headSize, valueHeadSize, dtype, kScale, vScale } = layout;
  const { valueInKey } = layout;
  const side = (
    codes: Uint8Array,
    stored: number,
    size: number,
    scale: number | Float32Array,
    tokenScales: Float32Array | undefined,
  ) => {
    const words = new CODES[bytesPerElement(dtype)](codes.slice().buffer);
    const stride = codesPerRow(dtype, stored);
    const rows = new Map<number, Float32Array>();
    const rowAt = (row: number, head: number) => {
      let values = rows.get(row);
      if (values === undefined) {
        const headScale = typeof scale === 'number' ? Math.fround(scale) : scale[head];
        values = new Float32Array(size);
        decodeRow(dtype, words, row * stride, size, tokenScales?.[row] ?? headScale, values, 0);
        rows.set(row, values);
      }
      return values;
    };
    return (b: number, j: number, head: number, lane: number) => {
      const block = ints.blockTables?.[b * params.maxBlocksPerSeq + Math.floor(j / blockSize)] ?? 0;
      return rowAt((block * blockSize + (j % blockSize)) * numKvHeads + head, head)[lane];
    };
  };
  return {
    key: side(bytes.key, headSize, headSize, kScale, bytes.keyScales),
    value: valueInKey
      ? side(bytes.key, headSize, valueHeadSize, kScale, bytes.keyScales)
      : side(bytes.value, valueHeadSize, valueHeadSize, vScale, bytes.valueScales),
  };
}
