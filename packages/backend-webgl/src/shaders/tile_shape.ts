import { bytesPerElement, type AttentionSpec } from '@tfjs-attention/core/provider';

/** Keys of a tile: two quads of places, of which the tile's step takes the last. */
export const TILE_KEYS = 7;
/** Quads of lanes that a fragment keeps for each row: more would read further apart than its neighbours' texels. */
const TILE_QUADS = 2;

/** How the work of a spec is cut. */
export interface TileShape {
  /** Query rows of a fragment; each takes two render targets. */
  readonly rows: 1 | 2 | 4;
  /** Quads of value lanes that one fragment keeps for each row. */
  readonly quads: number;
  /** Blocks of `quads` quads that cover the value lanes. */
  readonly valueBlocks: number;
  /** Whether keys and values are copied to float32 tiles first, which pays where many rows read them. */
  readonly tiled: boolean;
  /** Quads of lanes in a texel of what the loops read. */
  readonly kvQuads: number;
  readonly keyTexels: number;
  readonly valueTexels: number;
  /** Texels from one value's row to the next: a key's where values are in the keys. */
  readonly valueStride: number;
}

export function tileShape(spec: AttentionSpec, drawBuffers: 4 | 8, tiled: boolean): TileShape {
  const { phase, queriesPerKv, headSize, valueHeadSize, kv, kvDtype } = spec;
  const together = phase === 'decode' ? queriesPerKv : 4;
  const rows = together >= 3 && drawBuffers === 8 ? 4 : together >= 2 ? 2 : 1;
  const valueInKey = kv.kind === 'paged' && kv.valueInKey === true;
  const kvQuads = tiled ? 1 : 4 / bytesPerElement(kvDtype);
  return {
    rows,
    quads: TILE_QUADS,
    valueBlocks: Math.ceil(valueHeadSize / 4 / TILE_QUADS),
    tiled,
    kvQuads,
    keyTexels: texelsPerRow(headSize, kvQuads),
    valueTexels: texelsPerRow(valueHeadSize, kvQuads),
    valueStride: texelsPerRow(valueInKey && !tiled ? headSize : valueHeadSize, kvQuads),
  };
}

/** Texels of one head's lanes of one token. */
export function texelsPerRow(size: number, kvQuads: number): number {
  return Math.ceil(size / (4 * kvQuads));
}

/** Quads of a packed key, or of a packed value with those that fill its last block. */
export function packedLine({ keyTexels, valueBlocks, quads }: TileShape, ofKeys: boolean): number {
  return ofKeys ? keyTexels : valueBlocks * quads;
}
