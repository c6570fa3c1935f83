import type { Program } from '../device/program.js';
import { bind, drawArea, setInts, type Bindings } from '../device/draw.js';
import { FOLD, TEXELS_PER_LAYER, type TextureArray } from '../device/texture_array.js';

/**
 * Computes texels 0 to count - 1 of a folded array, layer by layer. The program reads the first texel of its layer and up
 * to three numbers more in `pack`.
 */
export function fillFolded(
  gl: WebGL2RenderingContext,
  target: TextureArray,
  count: number,
  program: Program,
  bindings: Bindings,
  [a, b = 0, c = 0]: readonly [number, number?, number?],
): void {
  bind(gl, program, bindings);
  for (let layer = 0; layer * TEXELS_PER_LAYER < count; layer++) {
    const first = layer * TEXELS_PER_LAYER;
    const rows = Math.ceil(Math.min(count - first, TEXELS_PER_LAYER) / FOLD);
    gl.bindFramebuffer(gl.FRAMEBUFFER, target.framebuffer(layer, 1));
    setInts(gl, program, { pack: [first, a, b, c] });
    drawArea(gl, { x: 0, y: 0, width: target.width, height: rows });
  }
}
