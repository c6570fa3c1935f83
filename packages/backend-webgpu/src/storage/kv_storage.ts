import {
  BackendMismatchError,
  bytesPerRow,
  CapacityError,
  type BlockPairs,
  type KvBlockBytes,
  type KvCacheLayout,
  type KvStorage,
} from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';
import { texelsPerRow } from '../shaders/kv_types.js';
import { copyBlocks } from './copy_blocks.js';
import { padRows, stripRows } from './pad_rows.js';
import { readParts } from './read_parts.js';
import { ScaleStore } from './scale_store.js';

/** What one dispatch binds of a cache: rows [firstRow, firstRow + rows) of keys and of values. */
export interface Segment {
  readonly keys: GPUBufferBinding;
  readonly values: GPUBufferBinding;
  readonly firstRow: number;
  readonly rows: number;
  /** Where token scales of the first row lie. */
  readonly keyScalesAt: number;
  readonly valueScalesAt: number;
}

/** Keys or values of a cache: rows `[P, C, K]` of whole texels, in buffers of equally many blocks. */
export interface KvHalf {
  /** Lanes of a row. */
  readonly size: number;
  readonly rowTexels: number;
  /** Bytes of one head's lanes as the host stores them, without the padding to whole texels. */
  readonly rowBytes: number;
  readonly blockBytes: number;
  readonly buffers: readonly GPUBuffer[];
}

/** A cache in storage buffers, written in place. */
export class BufferKvStorage implements KvStorage {
  readonly kind = 'fused';
  readonly bytes: number;
  readonly key: KvHalf;
  /** Absent where values are the first lanes of keys. */
  readonly value?: KvHalf;
  readonly scales: ScaleStore;
  readonly segments: readonly Segment[];
  /** Blocks of every buffer but the last. */
  readonly blocksPerBuffer: number;
  private disposed = false;

  /** @throws CapacityError, and nothing was kept. */
  constructor(
    readonly layout: KvCacheLayout,
    readonly device: Device,
  ) {
    const { numBlocks, blockSize, numKvHeads, headSize, valueHeadSize, dtype } = layout;
    const { gpu, limits } = device;
    const rowsPerBlock = blockSize * numKvHeads;
    const texels = [headSize, valueHeadSize].map((size) => texelsPerRow(size, dtype));
    const blockBytes = rowsPerBlock * 16 * Math.max(...texels);
    const most = Math.min(limits.bindingBytes, limits.bufferBytes);
    this.blocksPerBuffer = Math.min(numBlocks, Math.floor(most / blockBytes));
    const scaleBytes = ScaleStore.bytesFor(layout);
    if (this.blocksPerBuffer === 0 || scaleBytes > most) {
      const [what, bytes] =
        scaleBytes > most ? ['the scales', scaleBytes] : ['a block', blockBytes];
      throw new CapacityError(
        `KvCache: ${what} of the cache take ${bytes} bytes, a storage binding of this device ends at ${most}; ` +
          'lower numBlocks or blockSize, or take a smaller dtype',
      );
    }
    const made: GPUBuffer[] = [];
    const makeHalf = (size: number, rowTexels: number): KvHalf => {
      const bytes = rowsPerBlock * rowTexels * 16;
      const buffers = this.stretches().map(([, blocks]) => {
        const buffer = gpu.createBuffer({
          label: 'KvCache',
          size: blocks * bytes,
          usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
        });
        made.push(buffer);
        return buffer;
      });
      return { size, rowTexels, rowBytes: bytesPerRow(dtype, size), blockBytes: bytes, buffers };
    };
    this.key = makeHalf(headSize, texels[0]);
    if (!layout.valueInKey) this.value = makeHalf(valueHeadSize, texels[1]);
    this.scales = new ScaleStore(device, layout);
    this.segments = this.stretches().map(([first], i) => ({
      keys: { buffer: this.key.buffers[i] },
      values: { buffer: (this.value ?? this.key).buffers[i] },
      firstRow: first * rowsPerBlock,
      rows: this.stretches()[i][1] * rowsPerBlock,
      keyScalesAt: this.scales.at('key', first * rowsPerBlock),
      valueScalesAt: this.scales.at(this.value ? 'value' : 'key', first * rowsPerBlock),
    }));
    this.bytes = made.reduce((sum, { size }) => sum + size, this.scales.tokenBytes);
    this.count(this.bytes);
  }

  get halves(): readonly KvHalf[] {
    return this.value ? [this.key, this.value] : [this.key];
  }

  copyBlocks(pairs: BlockPairs): void {
    copyBlocks(this, pairs.filter(([from, to]) => from !== to)); // prettier-ignore
  }

  async readBlocks(blocks: readonly number[]): Promise<KvBlockBytes> {
    const { scales, halves } = this;
    const parts = [
      ...halves.map((half) => blocks.map((block) => this.placeOf(half, block))),
      ...(scales.perToken
        ? halves.map((_, i) => scales.places(i === 0 ? 'key' : 'value', blocks))
        : []),
    ];
    const read = await readParts(this.device, parts);
    const codes = halves.map((half, i) => stripRows(read[i], half.rowBytes, half.rowTexels));
    const floats = read.slice(halves.length).map((bytes) => new Float32Array(bytes.buffer));
    return {
      key: codes[0],
      value: codes[1] ?? new Uint8Array(),
      keyScales: floats[0],
      valueScales: floats[1],
    };
  }

  writeBlocks(blocks: readonly number[], bytes: KvBlockBytes): void {
    const { tfjs } = this.device;
    // Host writes come before commands that are submitted later.
    tfjs.ensureCommandEncoderReady();
    tfjs.endComputePassEncoder();
    tfjs.submitQueue();
    this.halves.forEach((half, i) => {
      const words = padRows(i === 0 ? bytes.key : bytes.value, half.rowBytes, half.rowTexels);
      blocks.forEach((block, j) => {
        const { buffer, offset, size } = this.placeOf(half, block);
        tfjs.queue.writeBuffer(buffer, offset, words, j * size, size);
      });
      const given = i === 0 ? bytes.keyScales : bytes.valueScales;
      if (!this.scales.perToken || given === undefined) return;
      const floats = new Uint8Array(Float32Array.from(given).buffer);
      this.scales
        .places(i === 0 ? 'key' : 'value', blocks)
        .forEach(({ buffer, offset, size }, j) => {
          tfjs.queue.writeBuffer(buffer, offset, floats, j * size, size);
        });
    });
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.count(-this.bytes);
    const { buffers } = this.device;
    const all = [...this.halves.flatMap((half) => half.buffers), this.scales.buffer];
    buffers.destroyLater(all);
  }

  /** Where a block of a half lies. */
  placeOf({ buffers, blockBytes }: KvHalf, block: number): Place {
    const i = Math.floor(block / this.blocksPerBuffer);
    const offset = (block - i * this.blocksPerBuffer) * blockBytes;
    return { buffer: buffers[i], offset, size: blockBytes };
  }

  /** First block and number of blocks of every buffer. */
  private stretches(): [first: number, blocks: number][] {
    const { numBlocks } = this.layout;
    const { blocksPerBuffer } = this;
    return Array.from({ length: Math.ceil(numBlocks / blocksPerBuffer) }, (_, i) => [
      i * blocksPerBuffer,
      Math.min(blocksPerBuffer, numBlocks - i * blocksPerBuffer),
    ]);
  }

  /** Adds bytes to what tf.memory() counts. */
  private count(bytes: number): void {
    const { bufferManager } = this.device.tfjs;
    bufferManager.numBytesUsed += bytes;
    bufferManager.numBytesAllocated += bytes;
  }
}

/** A stretch of a buffer. */
export interface Place {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/** The storage behind a kernel's attrs; it must lie on the device that runs. */
export function storageAt(op: string, storage: KvStorage, device: Device): BufferKvStorage {
  if (storage instanceof BufferKvStorage && storage.device === device) return storage;
  throw new BackendMismatchError(
    `${op}: the cache lies on the GPU device of another backend object (was the backend removed and set again?); ` +
      'make a new KvCache',
  );
}
