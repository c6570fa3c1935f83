import { keep, type Tensor } from '@tensorflow/tfjs-core';
import {
  BackendMismatchError,
  bytesPerRow,
  CapacityError,
  hasTokenScales,
  type BlockPairs,
  type KvBlockBytes,
  type KvCacheLayout,
  type KvStorage,
} from '@tfjs-attention/core/provider';
import { availableMemory } from './available_memory.js';
import { cacheParams } from './calls/cache.js';
import type { Device } from './tensorflow/device.js';

/**
 * A cache as one tensor of TensorFlow's, written in place. Its float32 elements are never read as numbers: they are the
 * stored codes, then scales (kernels/node/cache_layout.h). tfjs counts it, and frees it with the storage only.
 */
export class TensorKvStorage implements KvStorage {
  readonly kind = 'fused';
  readonly bytes: number;
  private readonly tensor: Tensor;

  /** @throws CapacityError where the memory is not to be had. */
  constructor(
    readonly layout: KvCacheLayout,
    private readonly device: Device,
  ) {
    const parts = Object.values(bytesPerBlock(layout));
    this.bytes = layout.numBlocks * parts.reduce((sum, bytes) => sum + bytes);
    const available = availableMemory(device);
    if (this.bytes > available) {
      throw new CapacityError(
        `KvCache: ${this.bytes} bytes for ${layout.numBlocks} blocks exceed the ${available} bytes of this ${device.usesGpu ? 'GPU' : 'machine'}; ` +
          'lower numBlocks or take a smaller dtype',
      );
    }
    this.tensor = withHeadScales(device, layout.kScale, (keyScales) =>
      withHeadScales(device, layout.valueInKey ? 1 : layout.vScale, (valueScales) => {
        const inputs = [cacheParams(device, layout, 0), keyScales, valueScales];
        return keep(device.run('KvCache', 'TfjsAttnCacheInit', inputs, 1)[0]);
      }),
    );
  }

  /** TensorFlow's id of the tensor. @throws BackendMismatchError on another tfjs backend object than its own. */
  idFor(op: string, device: Device): number {
    if (device !== this.device) throw lostHome(op);
    return device.idOf(this.tensor);
  }

  copyBlocks(pairs: BlockPairs): void {
    this.withBlocks('copyBlocks', pairs.flat(), (params, blocks, cache) =>
      this.device.run('copyBlocks', 'TfjsAttnCopyBlocks', [params, blocks, cache], 0),
    );
  }

  readBlocks(blocks: readonly number[]): KvBlockBytes {
    const bytes = this.withBlocks('readBlocks', blocks, (params, ids, cache) =>
      this.device.read('readBlocks', 'TfjsAttnReadBlocks', [params, ids, cache]),
    );
    const parts = new Parts(this.layout, blocks.length, bytes.buffer as ArrayBuffer);
    return {
      key: parts.key,
      value: parts.value,
      keyScales: parts.keyScales && new Float32Array(parts.keyScales.slice().buffer),
      valueScales: parts.valueScales && new Float32Array(parts.valueScales.slice().buffer),
    };
  }

  writeBlocks(blocks: readonly number[], bytes: KvBlockBytes): void {
    const parts = new Parts(this.layout, blocks.length);
    parts.key.set(bytes.key);
    parts.value.set(bytes.value);
    if (bytes.keyScales) parts.keyScales?.set(asBytes(bytes.keyScales));
    if (bytes.valueScales) parts.valueScales?.set(asBytes(bytes.valueScales));
    this.withBlocks('writeBlocks', blocks, (params, ids, cache) =>
      this.device.withFloats(new Float32Array(parts.buffer), (source) =>
        this.device.run('writeBlocks', 'TfjsAttnWriteBlocks', [params, ids, source, cache], 0),
      ),
    );
  }

  private withBlocks<T>(
    op: string,
    blocks: readonly number[],
    body: (params: number, blocks: number, cache: number) => T,
  ): T {
    const params = cacheParams(this.device, this.layout, 0);
    const cache = this.idFor(op, this.device);
    return this.device.withInts(Int32Array.from(blocks), (ids) => body(params, ids, cache));
  }

  dispose(): void {
    this.tensor.dispose();
  }
}

/** The storage behind a kernel's attrs. */
export function asTensorStorage(op: string, storage: KvStorage): TensorKvStorage {
  if (storage instanceof TensorKvStorage) return storage;
  throw lostHome(op);
}

function lostHome(op: string): BackendMismatchError {
  return new BackendMismatchError(
    `${op}: the cache belongs to another backend object (was the backend removed and set again?); make a new KvCache`,
  );
}

function withHeadScales<T>(
  device: Device,
  scale: number | Float32Array,
  body: (id: number) => T,
): T {
  return typeof scale === 'number'
    ? body(device.empty('float'))
    : device.withFloats(scale.slice(), body);
}

/** In the order in which they lie. */
function bytesPerBlock({ dtype, valueInKey, ...layout }: KvCacheLayout) {
  const rows = layout.blockSize * layout.numKvHeads;
  const scales = hasTokenScales(dtype) ? rows * 4 : 0;
  return {
    key: rows * bytesPerRow(dtype, layout.headSize),
    value: valueInKey ? 0 : rows * bytesPerRow(dtype, layout.valueHeadSize),
    keyScales: scales,
    valueScales: valueInKey ? 0 : scales,
  };
}

/** Blocks as ops move them: key codes, value codes and scales, each padded to whole floats. */
class Parts {
  readonly buffer: ArrayBuffer;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly keyScales?: Uint8Array;
  readonly valueScales?: Uint8Array;

  constructor(layout: KvCacheLayout, blocks: number, buffer?: ArrayBuffer) {
    const lengths = Object.values(bytesPerBlock(layout)).map((bytes) => bytes * blocks);
    const padded = lengths.map((bytes) => Math.ceil(bytes / 4) * 4);
    this.buffer = buffer ?? new ArrayBuffer(padded.reduce((sum, bytes) => sum + bytes));
    let at = 0;
    const [keys, values, keyScales, valueScales] = lengths.map((bytes, i) => {
      const part = new Uint8Array(this.buffer, at, bytes);
      at += padded[i];
      return part;
    });
    this.key = keys;
    this.value = values;
    if (keyScales.length > 0) this.keyScales = keyScales;
    if (valueScales.length > 0) this.valueScales = valueScales;
  }
}

function asBytes({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
