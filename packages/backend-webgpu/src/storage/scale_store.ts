import { hasTokenScales, type KvCacheLayout } from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';
import type { Place } from './kv_storage.js';

/** `[K]` scales of keys and of values; then `[P, C, K]` of keys and of values for types with a scale a token. */
export class ScaleStore {
  readonly buffer: GPUBuffer;
  readonly perToken: boolean;
  private readonly rows: number;
  private readonly rowsPerBlock: number;

  constructor(
    device: Device,
    private readonly layout: KvCacheLayout,
  ) {
    const { numBlocks, blockSize, numKvHeads, dtype } = layout;
    this.perToken = hasTokenScales(dtype);
    this.rowsPerBlock = blockSize * numKvHeads;
    this.rows = numBlocks * this.rowsPerBlock;
    this.buffer = device.gpu.createBuffer({
      label: 'KvCache: scales',
      size: ScaleStore.bytesFor(layout),
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    device.tfjs.queue.writeBuffer(this.buffer, 0, headScales(layout));
  }

  static bytesFor(layout: KvCacheLayout): number {
    return 4 * (2 * layout.numKvHeads + tokenScales(layout));
  }

  get tokenBytes(): number {
    return 4 * tokenScales(this.layout);
  }

  /** Where the token scale of a row lies, in floats. */
  at(half: 'key' | 'value', row: number): number {
    return 2 * this.layout.numKvHeads + (half === 'key' ? 0 : this.rows) + row;
  }

  /** Where the token scales of blocks lie. */
  places(half: 'key' | 'value', blocks: readonly number[]): Place[] {
    return blocks.map((block) => ({
      buffer: this.buffer,
      offset: this.at(half, block * this.rowsPerBlock) * 4,
      size: this.rowsPerBlock * 4,
    }));
  }
}

function tokenScales({ numBlocks, blockSize, numKvHeads, dtype, valueInKey }: KvCacheLayout) {
  return hasTokenScales(dtype) ? (valueInKey ? 1 : 2) * numBlocks * blockSize * numKvHeads : 0;
}

function headScales({ numKvHeads, kScale, vScale }: KvCacheLayout): Float32Array<ArrayBuffer> {
  const scales = new Float32Array(2 * numKvHeads);
  [kScale, vScale].forEach((scale, half) => {
    const part = scales.subarray(half * numKvHeads, (half + 1) * numKvHeads);
    if (typeof scale === 'number') part.fill(scale);
    else part.set(scale);
  });
  return scales;
}
