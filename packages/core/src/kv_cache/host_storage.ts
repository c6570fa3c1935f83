import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import { CapacityError } from '../errors.js';
import type { KvCacheDtype } from '../problem/params.js';
import { decode } from './decode.js';
import { bytesPerElement, hasTokenScales, maxStored } from './dtypes.js';
import { encode } from './encode.js';
import type { BlockPairs, KvBlockBytes, KvCacheLayout } from './layout.js';
import type { KvStorage } from './storage.js';

const { abs, fround, max } = Math;

type Codes = Uint8Array | Uint16Array | Uint32Array;

function makeCodes(dtype: KvCacheDtype, length: number): Codes {
  switch (bytesPerElement(dtype)) {
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

  constructor(
    private readonly layout: KvCacheLayout,
    readonly size: number,
    private readonly which: 'kScale' | 'vScale',
  ) {
    const rows = layout.numBlocks * layout.blockSize * layout.numKvHeads;
    this.codes = makeCodes(layout.dtype, rows * size);
    if (hasTokenScales(layout.dtype)) this.tokenScales = new Float32Array(rows);
  }

  get bytes(): number {
    return this.codes.byteLength + (this.tokenScales?.byteLength ?? 0);
  }

  private scaleOf(row: number): number {
    if (this.tokenScales) return this.tokenScales[row];
    const scale = this.layout[this.which];
    return typeof scale === 'number' ? fround(scale) : scale[row % this.layout.numKvHeads];
  }

  write(values: ArrayLike<number>, slotMapping: Int32Array): void {
    const { numKvHeads, dtype } = this.layout;
    slotMapping.forEach((slot, token) => {
      if (slot < 0) return;
      for (let head = 0; head < numKvHeads; head++) {
        const row = slot * numKvHeads + head;
        const from = (token * numKvHeads + head) * this.size;
        if (this.tokenScales) this.tokenScales[row] = this.measure(values, from);
        const scale = this.scaleOf(row);
        for (let lane = 0; lane < this.size; lane++) {
          this.codes[row * this.size + lane] = encode(dtype, fround(values[from + lane] / scale));
        }
      }
    });
  }

  /** Token scale: max(max|x| / QMAX, 1e-6), in float32 (vLLM `_per_token_head_quant`). */
  private measure(values: ArrayLike<number>, from: number): number {
    let most = 0;
    for (let lane = 0; lane < this.size; lane++) {
      // A NaN is no size: it stays one element's trouble.
      const size = abs(values[from + lane]);
      if (size > most) most = size;
    }
    return max(fround(most / maxStored(this.layout.dtype)), fround(1e-6));
  }

  gather(slots: Int32Array): Float32Array {
    const { numKvHeads, dtype } = this.layout;
    const out = new Float32Array(slots.length * numKvHeads * this.size);
    slots.forEach((slot, token) => {
      if (slot < 0) return;
      for (let head = 0; head < numKvHeads; head++) {
        const row = slot * numKvHeads + head;
        const to = (token * numKvHeads + head) * this.size;
        const scale = this.scaleOf(row);
        for (let lane = 0; lane < this.size; lane++) {
          out[to + lane] = decode(dtype, this.codes[row * this.size + lane]) * scale;
        }
      }
    });
    return out;
  }

  private get rowsPerBlock(): number {
    return this.layout.blockSize * this.layout.numKvHeads;
  }

  copyBlock(from: number, to: number): void {
    const rows = this.rowsPerBlock;
    const lanes = rows * this.size;
    this.codes.copyWithin(to * lanes, from * lanes, (from + 1) * lanes);
    this.tokenScales?.copyWithin(to * rows, from * rows, (from + 1) * rows);
  }

  readBlocks(blocks: readonly number[]): { codes: Uint8Array; scales?: Float32Array } {
    const rows = this.rowsPerBlock;
    const stride = rows * this.size * this.codes.BYTES_PER_ELEMENT;
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
    const stride = rows * this.size * this.codes.BYTES_PER_ELEMENT;
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
  private readonly value: HostHalf;

  constructor(readonly layout: KvCacheLayout) {
    try {
      this.key = new HostHalf(layout, layout.headSize, 'kScale');
      this.value = new HostHalf(layout, layout.valueHeadSize, 'vScale');
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const { numBlocks, blockSize, numKvHeads, headSize, valueHeadSize, dtype } = layout;
      const bytes =
        numBlocks * blockSize * numKvHeads * (headSize + valueHeadSize) * bytesPerElement(dtype);
      throw new CapacityError(
        `KvCache: ${bytes} bytes of host memory for ${numBlocks} blocks are not to be had (${error.message}); ` +
          'lower numBlocks or take a smaller dtype',
      );
    }
  }

  get bytes(): number {
    return this.key.bytes + this.value.bytes;
  }

  write(k: Tensor, v: Tensor, slotMapping: Int32Array): void {
    const keys = k.dataSync();
    const values = v.dataSync();
    this.key.write(keys, slotMapping);
    this.value.write(values, slotMapping);
  }

  gather(slots: Int32Array): [Tensor, Tensor] {
    const { numKvHeads, headSize, valueHeadSize } = this.layout;
    return [
      tensor(this.key.gather(slots), [slots.length, numKvHeads, headSize]),
      tensor(this.value.gather(slots), [slots.length, numKvHeads, valueHeadSize]),
    ];
  }

  copyBlocks(pairs: BlockPairs): void {
    for (const [from, to] of pairs) {
      this.key.copyBlock(from, to);
      this.value.copyBlock(from, to);
    }
  }

  readBlocks(blocks: readonly number[]): KvBlockBytes {
    const key = this.key.readBlocks(blocks);
    const value = this.value.readBlocks(blocks);
    return { key: key.codes, value: value.codes, keyScales: key.scales, valueScales: value.scales };
  }

  writeBlocks(blocks: readonly number[], bytes: KvBlockBytes): void {
    this.key.writeBlocks(blocks, bytes.key, bytes.keyScales);
    this.value.writeBlocks(blocks, bytes.value, bytes.valueScales);
  }

  dispose(): void {
    // Arrays are freed with the last reference.
  }
}
