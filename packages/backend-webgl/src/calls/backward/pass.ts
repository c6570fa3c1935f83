import type { AttentionProblem } from '@tfjs-attention/core/provider';
import type { Program } from '../../device/program.js';
import { bind, type Bindings, type Uniforms } from '../../device/draw.js';
import type { Readable, Sheets } from '../../device/sheets.js';
import type { TextureArray } from '../../device/texture_array.js';
import type { GroupBlock } from '../../schedule/blocks.js';
import type { Call } from '../call.js';
import type { UploadedBatch } from '../upload_batch.js';
import type { BackwardPrograms } from './programs.js';

/** What every draw of a backward call knows. */
export interface Pass {
  readonly call: Call;
  readonly problem: AttentionProblem;
  readonly programs: BackwardPrograms;
  readonly batch: UploadedBatch;
  readonly bindings: Bindings;
}

/** Tiles [first, first + count) of a block of groups, whose weights and gradients the sheets hold: splits from `split` on. */
export interface Tiles {
  readonly block: GroupBlock;
  readonly sheets: Sheets;
  readonly first: number;
  readonly count: number;
  readonly split: number;
  readonly splits: number;
}

/** One wanted gradient, as a block after the other gives to it. */
export interface GradientDraws {
  /** How much room blocks ask for, before the first draw. */
  prepare(blocks: readonly GroupBlock[]): void;
  /** Adds what the tiles give. */
  add(tiles: Tiles): void;
  /** All tiles of a block were added. */
  endBlock(block: GroupBlock): void;
  /** All blocks were. */
  end(): void;
}

/** The sheets of a row: weights low and high, gradients low and high. */
export const SHEETS_PER_ROW = 4;

/** Sheets by the names that a program gives them. */
export function sheetsNamed(
  { all }: Sheets,
  which: 'weights' | 'gradients',
  name: string,
): Record<string, Readable> {
  const first = which === 'weights' ? 0 : 2;
  const named = all.map((sheet, i): [string, Readable] => [
    `${name}${Math.floor(i / SHEETS_PER_ROW)}_${(i % SHEETS_PER_ROW) - first}`,
    sheet,
  ]);
  return Object.fromEntries(
    named.filter((_, i) => Math.floor((i % SHEETS_PER_ROW) / 2) * 2 === first),
  );
}

/** Binds what the pass and the draw give to a program. */
export function bindPass(
  { call, bindings }: Pass,
  program: Program,
  arrays: Readonly<Record<string, Readable>>,
  ints: Uniforms,
): void {
  bind(call.device.gl, program, {
    ...bindings,
    arrays: { ...bindings.arrays, ...arrays },
    ints: { ...bindings.ints, ...ints },
  });
}

/** Sets all layers of a texture array to zeros. */
export function clear({ call: { device } }: Pass, array: TextureArray): void {
  const { gl } = device;
  gl.scissor(0, 0, array.width, array.height);
  for (let layer = 0; layer < array.layers; layer++) {
    gl.bindFramebuffer(gl.FRAMEBUFFER, array.framebuffer(layer, 1));
    gl.clearBufferuiv(gl.COLOR, 0, [0, 0, 0, 0]);
  }
}
