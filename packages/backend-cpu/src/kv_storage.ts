import {
  BackendMismatchError,
  bytesPerRow,
  hasTokenScales,
  type BlockPairs,
  type KvBlockBytes,
  type KvCacheLayout,
  type KvStorage,
} from '@tfjs-attention/core/provider';
import { nameOp, type Heap } from './heap/heap.js';
import type { Region } from './heap/region.js';
import type { Site } from './runtime.js';
import { keepAlive } from './runtime.js';

/** Keys or values of a cache, `[P, C, K, size]` as stored bytes, with their scales. */
export interface KvHalf {
  readonly codes: Region;
  /** `[K]` */
  readonly headScales?: Region;
  /** `[P, C, K]` */
  readonly tokenScales?: Region;
}

/** A cache in the memory that the kernels read. */
export class HeapKvStorage implements KvStorage {
  readonly kind = 'fused';
  readonly bytes: number;
  readonly key: KvHalf;
  /** The key itself where values are in the keys. */
  readonly value: KvHalf;
  private readonly regions: Region[] = [];
  private readonly forget: () => void;

  /** @throws CapacityError, and nothing was kept. */
  constructor(
    readonly layout: KvCacheLayout,
    readonly site: Site,
  ) {
    try {
      this.key = this.allocateHalf(layout.headSize, layout.kScale);
      this.value = layout.valueInKey
        ? this.key
        : this.allocateHalf(layout.valueHeadSize, layout.vScale);
    } catch (error) {
      this.release();
      throw nameOp('KvCache', error);
    }
    this.bytes = this.halves.reduce(
      (sum, { codes, tokenScales }) => sum + codes.byteLength + (tokenScales?.byteLength ?? 0),
      0,
    );
    this.forget = keepAlive(this);
  }

  /** What stands for itself. */
  private get halves(): readonly KvHalf[] {
    return this.layout.valueInKey ? [this.key] : [this.key, this.value];
  }

  private get heap(): Heap {
    return this.site.heap;
  }

  private allocateHalf(size: number, scale: number | Float32Array): KvHalf {
    const { numBlocks, blockSize, numKvHeads, dtype } = this.layout;
    const rows = numBlocks * blockSize * numKvHeads;
    const zeroed = (bytes: number) => {
      const region = this.heap.allocateZeroed(bytes);
      this.regions.push(region);
      return region;
    };
    const codes = zeroed(rows * bytesPerRow(dtype, size));
    const tokenScales = hasTokenScales(dtype) ? { tokenScales: zeroed(rows * 4) } : {};
    if (typeof scale === 'number') return { codes, ...tokenScales };
    const headScales = zeroed(scale.byteLength);
    headScales.floats().set(scale);
    return { codes, headScales, ...tokenScales };
  }

  copyBlocks(pairs: BlockPairs): void {
    for (const half of this.halves) {
      for (const region of partsOf(half)) {
        const bytes = region.bytes();
        const stride = bytes.length / this.layout.numBlocks;
        for (const [from, to] of pairs) {
          bytes.copyWithin(to * stride, from * stride, (from + 1) * stride);
        }
      }
    }
  }

  readBlocks(blocks: readonly number[]): KvBlockBytes {
    const { numBlocks } = this.layout;
    const gather = (region: Region) => gatherBlocks(region.bytes(), blocks, numBlocks);
    const [key, value] = this.halves.map(({ codes, tokenScales }) => ({
      codes: gather(codes),
      scales: tokenScales && new Float32Array(gather(tokenScales).buffer as ArrayBuffer),
    }));
    return {
      key: key.codes,
      value: value?.codes ?? new Uint8Array(),
      keyScales: key.scales,
      valueScales: value?.scales,
    };
  }

  writeBlocks(blocks: readonly number[], bytes: KvBlockBytes): void {
    const { numBlocks } = this.layout;
    const scatter = (region: Region | undefined, from: ArrayBufferView | undefined) => {
      if (region && from) scatterBlocks(region.bytes(), blocks, numBlocks, from);
    };
    scatter(this.key.codes, bytes.key);
    if (!this.layout.valueInKey) scatter(this.value.codes, bytes.value);
    scatter(this.key.tokenScales, bytes.keyScales);
    scatter(this.value.tokenScales, bytes.valueScales);
  }

  dispose(): void {
    this.release();
    this.forget();
  }

  private release(): void {
    for (const region of this.regions.splice(0)) this.heap.free(region);
  }
}

/** The storage behind a kernel's attrs; it must lie in the memory of the backend that runs. */
export function storageAt(op: string, storage: KvStorage, site: Site): HeapKvStorage {
  if (storage instanceof HeapKvStorage && storage.site.heap === site.heap) return storage;
  throw new BackendMismatchError(
    `${op}: the cache lies in the memory of another backend object (was the backend removed and set again?); make a new KvCache`,
  );
}

/** What holds one stretch a block. */
function partsOf({ codes, tokenScales }: KvHalf): Region[] {
  return tokenScales === undefined ? [codes] : [codes, tokenScales];
}

function gatherBlocks(all: Uint8Array, blocks: readonly number[], numBlocks: number): Uint8Array {
  const stride = all.length / numBlocks;
  const gathered = new Uint8Array(blocks.length * stride);
  blocks.forEach((block, i) =>
    gathered.set(all.subarray(block * stride, (block + 1) * stride), i * stride),
  );
  return gathered;
}

function scatterBlocks(
  all: Uint8Array,
  blocks: readonly number[],
  numBlocks: number,
  from: ArrayBufferView,
): void {
  const stride = all.length / numBlocks;
  const bytes = new Uint8Array(from.buffer, from.byteOffset, from.byteLength);
  blocks.forEach((block, i) =>
    all.set(bytes.subarray(i * stride, (i + 1) * stride), block * stride),
  );
}
