import { drawArea } from '../../device/draw.js';
import type { TextureArray } from '../../device/texture_array.js';
import type { GroupBlock } from '../../schedule/blocks.js';
import type { TensorView } from '../../tensors/input.js';
import type { OutputTensor } from '../../tensors/output.js';
import { outputRows } from '../output_rows.js';
import { packKeyLines } from './pack.js';
import { bindPass, sheetsNamed, type GradientDraws, type Pass, type Tiles } from './pass.js';
import type { Readable } from '../../device/sheets.js';

/** Gradients by queries: a block of groups has all of its tiles, so nothing is carried on to the next. */
export class OfQueries implements GradientDraws {
  private readonly keys: Readable;
  private state?: TextureArray;

  constructor(
    private readonly pass: Pass,
    private readonly output: OutputTensor,
    k: TensorView,
  ) {
    this.keys = packKeyLines(pass, k);
  }

  private get columns(): number {
    return this.pass.programs.shape.valueBlocks;
  }

  prepare(blocks: readonly GroupBlock[]): void {
    const { call, problem, programs } = this.pass;
    const splits = Math.max(...blocks.map((block) => block.splits));
    const groups = Math.max(...blocks.map(({ count }) => count));
    const { rows, quads } = programs.shape;
    const height = groups * problem.params.numKvHeads;
    this.state = call.plain(splits * this.columns, height, rows * quads);
  }

  add({ block, sheets, first, split, splits }: Tiles): void {
    const { call, problem, programs } = this.pass;
    const state = this.state as TextureArray;
    const { gl } = call.device;
    const arrays = { ...sheetsNamed(sheets, 'gradients', 'gradients'), keys: this.keys };
    const tiles = [block.first, block.count, first, block.tilesPerSplit];
    bindPass(this.pass, programs.get('dq'), arrays, { tiles });
    gl.bindFramebuffer(gl.FRAMEBUFFER, state.framebuffer(0, state.layers));
    const height = block.count * problem.params.numKvHeads;
    drawArea(gl, { x: split * this.columns, y: 0, width: splits * this.columns, height });
  }

  endBlock(block: GroupBlock): void {
    const { call, problem, programs, batch } = this.pass;
    const { texture, width, size } = this.output;
    const tiles = [block.first, block.count, block.splits, width];
    const state = this.state as TextureArray;
    bindPass(this.pass, programs.get('finish_dq'), { state }, { tiles, size });
    call.device.aimAt(texture);
    const perToken = problem.params.numHeads * problem.params.headSize;
    const rows = outputRows(problem, batch, block, perToken, this.output);
    drawArea(call.device.gl, { x: 0, width, ...rows });
  }

  end(): void {
    // Every block wrote its own rows.
  }
}
