import {
  BackendMismatchError,
  DeviceError,
  type BlockPairs,
  type KvBlockBytes,
  type KvCacheLayout,
  type KvStorage,
} from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';
import { TextureArray } from '../device/texture_array.js';
import { KvHalf, type Store } from './kv_half.js';
import { copyWithin, gatherBlocks, portions, scatterBlocks } from './move_blocks.js';
import { padRows, stripRows } from './pad_rows.js';
import { readBack } from './read_back.js';

/** A cache in texture arrays, written in place. */
export class TextureKvStorage implements KvStorage {
  readonly kind = 'fused';
  readonly bytes: number;
  readonly key: KvHalf;
  /** The key itself where values are in the keys. */
  readonly value: KvHalf;
  /** Bits of `[K]` scales of keys, then of values. */
  readonly headScales: TextureArray;
  private disposed = false;

  /** @throws CapacityError, and nothing was kept. */
  constructor(
    readonly layout: KvCacheLayout,
    readonly device: Device,
  ) {
    const made: { dispose(): void }[] = [];
    const keep = <T extends { dispose(): void }>(part: T): T => {
      made.push(part);
      return part;
    };
    try {
      this.key = keep(new KvHalf(device, layout, layout.headSize));
      this.value = layout.valueInKey
        ? this.key
        : keep(new KvHalf(device, layout, layout.valueHeadSize));
      this.headScales = keep(TextureArray.folded(device.gl, 'words', 2 * layout.numKvHeads));
    } catch (error) {
      made.forEach((part) => part.dispose());
      throw error;
    }
    this.headScales.upload(new Uint32Array(scalesOf(layout).buffer));
    this.bytes = this.halves.reduce((sum, { bytes }) => sum + bytes, 0);
    device.count(this.bytes);
  }

  /** What stands for itself. */
  private get halves(): readonly KvHalf[] {
    return this.layout.valueInKey ? [this.key] : [this.key, this.value];
  }

  /** What programs read of it, by their uniforms. */
  get arrays(): Readonly<Record<string, TextureArray>> {
    const { key, value, headScales } = this;
    return {
      keys: key.codes.array,
      values: value.codes.array,
      headScales,
      ...(key.tokenScales && { keyScales: key.tokenScales.array }),
      ...(value.tokenScales && { valueScales: value.tokenScales.array }),
    };
  }

  copyBlocks(pairs: BlockPairs): void {
    const moved = pairs.filter(([from, to]) => from !== to);
    if (moved.length === 0) return;
    this.device.run('copyBlocks', () => {
      for (const store of this.halves.flatMap(({ stores }) => stores)) {
        copyWithin(this.device, store, moved);
      }
    });
  }

  async readBlocks(blocks: readonly number[]): Promise<KvBlockBytes> {
    const half = async ({ codes, tokenScales, rowBytes, rowTexels }: KvHalf) => {
      const [texels, scales] = await Promise.all([
        this.read(codes, blocks),
        tokenScales && this.read(tokenScales, blocks),
      ]);
      return {
        codes: stripRows(texels, rowBytes, rowTexels),
        scales: scales && Float32Array.from(floatsOf(scales).filter((_, i) => i % 4 === 0)),
      };
    };
    const [key, value] = await Promise.all(this.halves.map(half));
    return {
      key: key.codes,
      value: value?.codes ?? new Uint8Array(),
      keyScales: key.scales,
      valueScales: value?.scales,
    };
  }

  /** The texels of blocks, four words each. */
  private async read(store: Store, blocks: readonly number[]): Promise<Uint32Array> {
    const { device } = this;
    const words = new Uint32Array(blocks.length * store.perBlock * 4);
    let at = 0;
    for (const portion of portions(blocks, store)) {
      const count = portion.length * store.perBlock;
      const scratch = device.pool.folded(store.array.kind, count);
      try {
        device.run('swapBlocks', () => gatherBlocks(device, store, portion, scratch));
        words.set(await readBack(device, scratch, count), at);
      } finally {
        device.pool.give(scratch);
      }
      at += count * 4;
    }
    return words;
  }

  writeBlocks(blocks: readonly number[], bytes: KvBlockBytes): void {
    this.device.run('swapBlocks', () => {
      this.halves.forEach((half, i) => {
        const codes = i === 0 ? bytes.key : bytes.value;
        const scales = i === 0 ? bytes.keyScales : bytes.valueScales;
        this.write(half.codes, blocks, padRows(codes, half.rowBytes, half.rowTexels));
        if (half.tokenScales && scales) {
          const { buffer, byteOffset, length } = scales;
          this.write(half.tokenScales, blocks, new Uint32Array(buffer, byteOffset, length));
        }
      });
    });
  }

  private write(store: Store, blocks: readonly number[], words: Uint32Array): void {
    const { pool } = this.device;
    const perBlock = words.length / blocks.length;
    let at = 0;
    for (const portion of portions(blocks, store)) {
      const scratch = pool.folded(store.array.kind, portion.length * store.perBlock);
      scratch.upload(words.subarray(at, (at += portion.length * perBlock)));
      scatterBlocks(this.device, store, portion, scratch);
      pool.give(scratch);
    }
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.device.count(-this.bytes);
    for (const part of [...this.halves, this.headScales]) part.dispose();
  }
}

/** The storage behind a kernel's attrs; it must lie in the context that runs. */
export function storageAt(op: string, storage: KvStorage, device: Device): TextureKvStorage {
  if (storage instanceof TextureKvStorage && storage.device === device) return storage;
  const text = `${op}: the cache lies in the WebGL context of another backend object`;
  if (storage instanceof TextureKvStorage && storage.device.gl.isContextLost()) {
    throw new DeviceError(`${text}, which is lost; make a new KvCache`);
  }
  throw new BackendMismatchError(
    `${text} (was the backend removed and set again?); make a new KvCache`,
  );
}

function scalesOf({ numKvHeads, kScale, vScale }: KvCacheLayout): Float32Array<ArrayBuffer> {
  const scales = new Float32Array(2 * numKvHeads);
  [kScale, vScale].forEach((scale, half) => {
    const part = scales.subarray(half * numKvHeads, (half + 1) * numKvHeads);
    if (typeof scale === 'number') part.fill(scale);
    else part.set(scale);
  });
  return scales;
}

function floatsOf({ buffer, byteOffset, length }: Uint32Array): Float32Array {
  return new Float32Array(buffer, byteOffset, length);
}
