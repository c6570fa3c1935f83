import {
  bytesPerElement,
  bytesPerRow,
  CapacityError,
  hasTokenScales,
  type KvCacheLayout,
} from '@tfjs-attention/core/provider';
import { FOLD, TEXELS_PER_LAYER, TextureArray } from '../device/texture_array.js';
import type { Device } from '../device/device.js';
import { texelsPerRow } from '../shaders/tile_shape.js';

/** Lines of equally many texels, one a block: stored lanes, or token scales. */
export interface Store {
  readonly array: TextureArray;
  /** Texels of one block. */
  readonly perBlock: number;
}

/** Keys or values of a cache: `[P, C, K]` rows of whole texels, and a scale a row for the types that have them. */
export class KvHalf {
  readonly codes: Store;
  readonly tokenScales?: Store;
  /** Texels of one head's lanes. */
  readonly rowTexels: number;
  /** Bytes of one head's lanes as the host stores them, without the padding to whole texels. */
  readonly rowBytes: number;

  /** @throws CapacityError, and nothing was kept. */
  constructor(
    { gl, limits }: Device,
    layout: KvCacheLayout,
    readonly size: number,
  ) {
    const { numBlocks, blockSize, numKvHeads, dtype } = layout;
    const width = bytesPerElement(dtype);
    this.rowBytes = bytesPerRow(dtype, size);
    this.rowTexels = texelsPerRow(size, 4 / width);
    const rowsPerBlock = blockSize * numKvHeads;
    const perBlock = rowsPerBlock * this.rowTexels;
    const most = limits.maxLayers * TEXELS_PER_LAYER;
    if (numBlocks * perBlock > Math.min(most, 2 ** 31 - FOLD)) {
      throw new CapacityError(
        `KvCache: ${numBlocks} blocks of ${perBlock * 16} bytes pass the ${limits.maxLayers} layers of ` +
          `${TEXELS_PER_LAYER * 16} bytes that a texture array has here; lower numBlocks or take a smaller dtype`,
      );
    }
    this.codes = { array: TextureArray.folded(gl, 'texels', numBlocks * perBlock), perBlock };
    if (!hasTokenScales(dtype)) return;
    try {
      const array = TextureArray.folded(gl, 'words', numBlocks * rowsPerBlock);
      this.tokenScales = { array, perBlock: rowsPerBlock };
    } catch (error) {
      this.codes.array.dispose();
      throw error;
    }
  }

  get stores(): readonly Store[] {
    return this.tokenScales ? [this.codes, this.tokenScales] : [this.codes];
  }

  get bytes(): number {
    return this.stores.reduce((sum, { array }) => sum + array.bytes, 0);
  }

  dispose(): void {
    for (const { array } of this.stores) array.dispose();
  }
}
