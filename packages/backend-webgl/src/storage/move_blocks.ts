import type { BlockPairs } from '@tfjs-attention/core/provider';
import { coverProgram, pointProgram } from '../calls/programs.js';
import { fillFolded } from '../calls/fill_folded.js';
import { scatterPoints } from '../calls/scatter_points.js';
import type { Device } from '../device/device.js';
import type { TextureArray } from '../device/texture_array.js';
import type { Store } from './kv_half.js';

/** Texels that move at once: 16 MiB of scratch. */
const MOST_TEXELS = 2 ** 20;

/** Blocks in portions that scratch has room for. */
export function* portions<T>(blocks: readonly T[], { perBlock }: Store): Generator<readonly T[]> {
  const count = Math.max(1, Math.floor(MOST_TEXELS / perBlock));
  for (let at = 0; at < blocks.length; at += count) yield blocks.slice(at, at + count);
}

/** Copies blocks to the start of a scratch array. */
export function gatherBlocks(
  device: Device,
  { array, perBlock }: Store,
  blocks: readonly number[],
  scratch: TextureArray,
): void {
  const program = coverProgram(device, 'gather_texels');
  withInts(device, blocks, (ints) =>
    fillFolded(
      device.gl,
      scratch,
      blocks.length * perBlock,
      program,
      { arrays: { ints, from: array } },
      [perBlock, blocks.length, 0],
    ),
  );
}

/** Copies the start of a scratch array to blocks. */
export function scatterBlocks(
  device: Device,
  { array, perBlock }: Store,
  blocks: readonly number[],
  scratch: TextureArray,
): void {
  const program = pointProgram(device, 'scatter_texels');
  withInts(device, blocks, (ints) =>
    scatterPoints(device.gl, program, array, perBlock, blocks, {
      arrays: { ints, from: scratch },
      ints: { width: perBlock },
    }),
  );
}

/** Copies blocks within one store; no block is both source and target. */
export function copyWithin(device: Device, store: Store, pairs: BlockPairs): void {
  for (const portion of portions(pairs, store)) {
    const scratch = device.pool.folded(store.array.kind, portion.length * store.perBlock);
    gatherBlocks(device, store, portion.map(([from]) => from), scratch); // prettier-ignore
    scatterBlocks(device, store, portion.map(([, to]) => to), scratch); // prettier-ignore
    device.pool.give(scratch);
  }
}

function withInts(
  { pool }: Device,
  blocks: readonly number[],
  draw: (ints: TextureArray) => void,
): void {
  const ints = pool.folded('ints', Math.ceil(blocks.length / 4));
  const words = new Int32Array(Math.ceil(blocks.length / 4) * 4);
  words.set(blocks);
  ints.upload(words);
  draw(ints);
  pool.give(ints);
}
