import {
  decode,
  type AttentionInts,
  type AttentionParams,
  type KvBlockBytes,
  type KvCacheLayout,
} from '@tfjs-attention/core/provider';
import type { ReferenceInputs } from '@tfjs-attention/core/reference';

const CODES = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array } as const;

/** Reads a cache's bytes as the oracle wants them: scales applied, rounded to float32. */
export function storedReader(
  layout: KvCacheLayout,
  bytes: KvBlockBytes,
  params: AttentionParams,
  ints: AttentionInts,
): Pick<ReferenceInputs, 'key' | 'value'> {
  const { blockSize, numKvHeads, headSize, valueHeadSize, dtype, kScale, vScale } = layout;
  const side = (
    codes: Uint8Array,
    size: number,
    scale: number | Float32Array,
    tokenScales: Float32Array | undefined,
  ) => {
    const width = (codes.byteLength /
      (layout.numBlocks * blockSize * numKvHeads * size)) as keyof typeof CODES;
    const words = new CODES[width](codes.slice().buffer);
    return (b: number, j: number, head: number, lane: number) => {
      const block = ints.blockTables?.[b * params.maxBlocksPerSeq + Math.floor(j / blockSize)] ?? 0;
      const row = (block * blockSize + (j % blockSize)) * numKvHeads + head;
      const headScale = typeof scale === 'number' ? Math.fround(scale) : scale[head];
      return Math.fround(
        decode(dtype, words[row * size + lane]) * (tokenScales?.[row] ?? headScale),
      );
    };
  };
  return {
    key: side(bytes.key, headSize, kScale, bytes.keyScales),
    value: side(bytes.value, valueHeadSize, vScale, bytes.valueScales),
  };
}
