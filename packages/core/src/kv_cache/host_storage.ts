import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import { CapacityError } from '../errors.js';
import type { KvCacheDtype } from '../problem/params.js';
import { bytesPerElement, bytesPerRow, codesPerRow, hasTokenScales } from './dtypes.js';
import type { BlockPairs, KvBlockBytes, KvCacheLayout } from './layout.js';
import { decodeRow, encodeRow, measureRow } from './rows.js';
import type { KvStorage } from './storage.js';

type Codes = Uint8Array | Uint16Array | Uint32Array;

function makeCodes(dtype: KvCacheDtype, length: number): Codes {
  switch (bytesPerElement(dtype)) {
    case 0.5:
    case 1:
      return new Uint8Array(length);
    case 2:
      return new Uint16Array(length);
    case 4:
      return new Uint32Array(length);
  }
}

/** One of the two halves of a cache (keys or values): `[P, C, K, size]` codes and their scales. */
class HostHalf {
  readonly codes: Codes;
  readonly tokenScales?: Float32Array;
  /** Codes of one head's lanes. */
  private readonly stride: number;

  constructor(
    private readonly layout: KvCacheLayout,
    readonly size: number,
    private readonly which: 'kScale' | 'vScale',
  ) {
    const rows = layout.numBlocks * layout.blockSize * layout.numKvHeads;
    this.stride = codesPerRow(layout.dtype, size);
    this.codes = makeCodes(layout.dtype, rows * this.stride);
    if (hasTokenScales(layout.dtype)) this.tokenScales = new Float32Array(rows);
  }

  get bytes(): number {
    return this.codes.byteLength + (this.tokenScales?.byteLength ?? 0);
  }

  private scaleOf(row: number): number {
    if (this.tokenScales) return this.tokenScales[row];
    const scale = this.layout[this.which];
    return typeof scale === 'number' ? Math.fround(scale) : scale[row % this.layout.numKvHeads];
  }

  write(values: ArrayLike<number>, slotMapping: Int32Array): void {
    const { numKvHeads, dtype } = this.layout;
    slotMapping.forEach((slot, token) => {
      if (slot < 0) return;
      for (let head = 0; head < numKvHeads; head++) {
        const row = slot * numKvHeads + head;
        const from = (token * numKvHeads + head) * this.size;
        if (this.tokenScales) this.tokenScales[row] = measureRow(dtype, values, from, this.size);
        const scale = this.scaleOf(row);
        encodeRow(dtype, values, from, this.size, scale, this.codes, row * this.stride);
      }
    });
  }

  gather(slots: Int32Array): Float32Array {
    const { numKvHeads, dtype } = this.layout;
    const out = new Float32Array(slots.length * numKvHeads * this.size);
    slots.forEach((slot, token) => {
      if (slot < 0) return;
      for (let head = 0; head < numKvHeads; head++) {
        const row = slot * numKvHeads + head;
        const to = (token * numKvHeads + head) * this.size;
        decodeRow(dtype, this.codes, row * this.stride, this.size, this.scaleOf(row), out, to);
      }
    });
    return out;
  }

  private get rowsPerBlock(): number {
    return this.layout.blockSize * this.layout.numKvHeads;
  }

  copyBlock(from: number, to: number): void {
    const rows = this.rowsPerBlock;
    const lanes = rows * this.stride;
    this.codes.copyWithin(to * lanes, from * lanes, (from + 1) * lanes);
    this.tokenScales?.copyWithin(to * rows, from * rows, (from + 1) * rows);
  }

  readBlocks(blocks: readonly number[]): { codes: Uint8Array; scales?: Float32Array } {
    const rows = this.rowsPerBlock;
    const stride = rows * this.stride * this.codes.BYTES_PER_ELEMENT;
    const all = new Uint8Array(this.codes.buffer);
    const codes = new Uint8Array(blocks.length * stride);
    blocks.forEach((block, i) =>
      codes.set(all.subarray(block * stride, (block + 1) * stride), i * stride),
    );
    if (!this.tokenScales) return { codes };
    const scales = new Float32Array(blocks.length * rows);
    for (const [i, block] of blocks.entries()) {
      scales.set(this.tokenScales.subarray(block * rows, (block + 1) * rows), i * rows);
    }
    return { codes, scales };
  }

  writeBlocks(blocks: readonly number[], codes: Uint8Array, scales?: Float32Array): void {
    const rows = this.rowsPerBlock;
    const stride = rows * this.stride * this.codes.BYTES_PER_ELEMENT;
    const all = new Uint8Array(this.codes.buffer);
    blocks.forEach((block, i) => {
      all.set(codes.subarray(i * stride, (i + 1) * stride), block * stride);
      if (scales) this.tokenScales?.set(scales.subarray(i * rows, (i + 1) * rows), block * rows);
    });
  }
}

/**
 * A cache in plain typed arrays: what the composed ops use where the active tfjs backend has no fused kernel, and the
 * reference for every stored byte. Writing reads k and v back from the device.
 */
export class HostKvStorage implements KvStorage {
  readonly kind = 'host';
  private readonly key: HostHalf;
  /** Null where values are in the keys. */
  private readonly value: HostHalf | null;

  constructor(readonly layout: KvCacheLayout) {
    try {
      this.key = new HostHalf(layout, layout.headSize, 'kScale');
      this.value = layout.valueInKey ? null : new HostHalf(layout, layout.valueHeadSize, 'vScale');
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const { numBlocks, blockSize, numKvHeads, headSize, valueHeadSize, dtype } = layout;
      const row =
        bytesPerRow(dtype, headSize) + bytesPerRow(dtype, layout.valueInKey ? 0 : valueHeadSize);
      const bytes = numBlocks * blockSize * numKvHeads * row;
      throw new CapacityError(
        `KvCache: ${bytes} bytes of host memory for ${numBlocks} blocks are not to be had (${error.message}); ` +
          'lower numBlocks or take a smaller dtype',
      );
    }
  }

  get bytes(): number {
    return this.key.bytes + (this.value?.bytes ?? 0);
  }

  write(k: Tensor, v: Tensor | undefined, slotMapping: Int32Array): void {
    const keys = k.dataSync();
    const values = v?.dataSync();
    this.key.write(keys, slotMapping);
    if (values) this.value?.write(values, slotMapping);
  }

  /** Keys, and values unless they are in the keys. */
  gather(slots: Int32Array): Tensor[] {
    const { numKvHeads } = this.layout;
    return [this.key, this.value].flatMap((half) =>
      half ? [tensor(half.gather(slots), [slots.length, numKvHeads, half.size])] : [],
    );
  }

  copyBlocks(pairs: BlockPairs): void {
    for (const [from, to] of pairs) {
      this.key.copyBlock(from, to);
      this.value?.copyBlock(from, to);
    }
  }

  readBlocks(blocks: readonly number[]): KvBlockBytes {
    const key = this.key.readBlocks(blocks);
    const value = this.value?.readBlocks(blocks);
    return {
      key: key.codes,
      value: value?.codes ?? new Uint8Array(),
      keyScales: key.scales,
      valueScales: value?.scales,
    };
  }

  writeBlocks(blocks: readonly number[], bytes: KvBlockBytes): void {
    this.key.writeBlocks(blocks, bytes.key, bytes.keyScales);
    this.value?.writeBlocks(blocks, bytes.value, bytes.valueScales);
  }

  dispose(): void {
    // Arrays are freed with the last reference.
  }
}
