import { bytesPerElement, type AttentionSpec } from '@tfjs-attention/core/provider';

/** Keys of a tile: two quads of places, of which the tile's maximum takes the last. */
export const TILE_KEYS = 7;
/** Quads of value lanes that one fragment keeps for each row. */
export const TILE_QUADS = 2;

/** How the work of a spec is cut. */
export interface TileShape {
  /** Query rows of a fragment; each takes two render targets. */
  readonly rows: 1 | 2 | 4;
  /** Blocks of TILE_QUADS quads that cover the value lanes. */
  readonly valueBlocks: number;
  /** Quads of lanes in a stored texel. */
  readonly kvQuads: number;
  readonly keyTexels: number;
  readonly valueTexels: number;
}

export function tileShape(spec: AttentionSpec, drawBuffers: 4 | 8): TileShape {
  const { phase, queriesPerKv, headSize, valueHeadSize, kvDtype } = spec;
  const together = phase === 'decode' ? queriesPerKv : 4;
  const kvQuads = 4 / bytesPerElement(kvDtype);
  return {
    rows: together >= 3 && drawBuffers === 8 ? 4 : together >= 2 ? 2 : 1,
    valueBlocks: Math.ceil(valueHeadSize / 4 / TILE_QUADS),
    kvQuads,
    keyTexels: texelsPerRow(headSize, kvQuads),
    valueTexels: texelsPerRow(valueHeadSize, kvQuads),
  };
}

/** Texels of one head's lanes of one token. */
export function texelsPerRow(size: number, kvQuads: number): number {
  return Math.ceil(size / (4 * kvQuads));
}
