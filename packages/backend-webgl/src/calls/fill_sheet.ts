import type { Program } from '../device/program.js';
import { bind, drawArea, setInts, type Bindings } from '../device/draw.js';
import type { Sheets } from '../device/sheets.js';
import type { SheetSize } from '../schedule/columns.js';

/** Computes an area of a sheet. The program reads two numbers in `pack`. */
export function fillSheet(
  gl: WebGL2RenderingContext,
  sheet: Sheets,
  { width, height }: SheetSize,
  program: Program,
  bindings: Bindings,
  pack: readonly [number, number],
): void {
  bind(gl, program, bindings);
  setInts(gl, program, { pack });
  gl.bindFramebuffer(gl.FRAMEBUFFER, sheet.framebuffer);
  drawArea(gl, { x: 0, y: 0, width, height });
}
