import type { Batch } from './batch_ints.js';
import { TILE_KEYS, type TileShape } from '../shaders/tile_shape.js';

/** Groups [first, first + count) whose tiles are worked on together. */
export interface GroupBlock {
  readonly first: number;
  readonly count: number;
  /** Tiles of the group that has most of them. */
  readonly tiles: number;
  readonly tilesPerSplit: number;
  readonly splits: number;
  /** Splits whose weights fit the scratch texture at once. */
  readonly splitsAtOnce: number;
}

export interface BlockLimits {
  readonly maxTextureSize: number;
  /** Texels of one layer of weights that a draw may fill: bounds memory and the time of a draw. */
  readonly weightTexels: number;
  /** Fragments that keep a device busy. */
  readonly fragments: number;
}

/** Neighbouring fragments read neighbouring groups: blocks begin where memory's lines do. */
const GROUP_STEP = 8;
/** Tiles below which a split is not worth its merge. */
const LEAST_TILES = 4;
/** A fragment waits for its tiles one after the other, then the merge for its splits, about this many in a tile's time. */
const TILES_PER_MERGE = 4;

/** Cuts a batch so that scratch memory does not grow with the number of keys times queries. */
export function cutBlocks(
  { keysOf, numGroups }: Batch,
  { valueBlocks }: Pick<TileShape, 'valueBlocks'>,
  numKvHeads: number,
  limits: BlockLimits,
): GroupBlock[] {
  const blocks: GroupBlock[] = [];
  const { maxTextureSize, weightTexels, fragments } = limits;
  const columns = valueBlocks + 1;
  for (let first = 0; first < numGroups;) {
    let tiles = 1;
    let count = 0;
    while (first + count < numGroups) {
      const more = Math.max(tiles, Math.ceil(keysOf[first + count] / TILE_KEYS));
      const rows = (count + 1) * numKvHeads;
      if (count > 0 && (rows > maxTextureSize || rows * more > weightTexels)) break;
      tiles = more;
      count++;
    }
    if (first + count < numGroups && count > GROUP_STEP) count -= count % GROUP_STEP;
    const rows = count * numKvHeads;
    const widest = Math.max(1, Math.min(maxTextureSize, Math.floor(weightTexels / rows)));
    const mostSplits = Math.floor(maxTextureSize / columns);
    const wanted = Math.min(
      mostSplits,
      Math.max(1, Math.round(fragments / (rows * columns))),
      Math.ceil(tiles / LEAST_TILES),
      Math.ceil(Math.sqrt(tiles * TILES_PER_MERGE)),
    );
    const tilesPerSplit = Math.min(widest, Math.ceil(tiles / wanted));
    const splits = Math.ceil(tiles / tilesPerSplit);
    const splitsAtOnce = Math.max(1, Math.min(splits, Math.floor(widest / tilesPerSplit)));
    blocks.push({ first, count, tiles, tilesPerSplit, splits, splitsAtOnce });
    first += count;
  }
  return blocks;
}
