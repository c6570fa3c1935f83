import { drawArea } from '../../device/draw.js';
import type { Readable } from '../../device/sheets.js';
import type { TextureArray } from '../../device/texture_array.js';
import { columnsSize, type SheetSize } from '../../schedule/columns.js';
import type { OutputTensor } from '../../tensors/output.js';
import { bindPass, clear, sheetsNamed, type GradientDraws, type Pass, type Tiles } from './pass.js';

/** Keys that a fragment adds to; a tile takes two. */
const PLACES = 4;

/** Gradients by keys or by values: each block adds to the sums of those before, read from one array, written to another. */
export class OfKeys implements GradientDraws {
  /** Texels of a tile's column. */
  private readonly high: number;
  private readonly size: SheetSize;
  private before?: TextureArray;
  private after?: TextureArray;

  constructor(
    private readonly pass: Pass,
    private readonly output: OutputTensor,
    private readonly of: 'dk' | 'dv',
    /** Queries, or gradients of the output. */
    private readonly rows: Readable,
  ) {
    const { programs, problem, batch } = pass;
    const { keyLine, valueLine, placeQuads } = programs.shape;
    this.high = 2 * Math.ceil((of === 'dk' ? keyLine : valueLine) / placeQuads);
    this.size = columnsSize(problem.params.numKvHeads * batch.packed.tiles, this.high);
  }

  prepare(): void {
    const { width, height } = this.size;
    const make = () =>
      this.pass.call.plain(width, height, PLACES * this.pass.programs.shape.placeQuads);
    this.before = make();
    this.after = make();
    clear(this.pass, this.before);
  }

  add({ block, sheets, first, count }: Tiles): void {
    const { call, programs, batch } = this.pass;
    const { gl } = call.device;
    const [before, after] = [this.before as TextureArray, this.after as TextureArray];
    const which = this.of === 'dk' ? 'gradients' : 'weights';
    const arrays = { ...sheetsNamed(sheets, which, 'weights'), rows: this.rows, before };
    bindPass(this.pass, programs.get(this.of), arrays, {
      tiles: [block.first, block.count, first, count],
      pack: [batch.packed.at, this.high, batch.numGroups],
    });
    gl.bindFramebuffer(gl.FRAMEBUFFER, after.framebuffer(0, after.layers));
    drawArea(gl, { x: 0, y: 0, ...this.size });
    [this.before, this.after] = [after, before];
  }

  endBlock(): void {
    // The next one goes on.
  }

  end(): void {
    const { call, programs, batch } = this.pass;
    const { texture, width, height, size } = this.output;
    const sums = this.before as TextureArray;
    const pack = [batch.packed.at, this.high, width, size];
    bindPass(this.pass, programs.get(`finish_${this.of}`), { sums }, { pack });
    call.device.aimAt(texture);
    drawArea(call.device.gl, { x: 0, y: 0, width, height });
  }
}
