import { bind, drawPoints, setInts, type Bindings } from '../device/draw.js';
import type { Program } from '../device/program.js';
import { TEXELS_PER_LAYER, type TextureArray } from '../device/texture_array.js';

/** Draws one point for each of `perSlot` texels of every slot; slots below 0 are left out. */
export function scatterPoints(
  gl: WebGL2RenderingContext,
  program: Program,
  target: TextureArray,
  perSlot: number,
  slots: Int32Array | readonly number[],
  bindings: Bindings,
): void {
  bind(gl, program, bindings);
  const { width, height } = target;
  for (const layer of layersOf(target, perSlot, slots)) {
    gl.bindFramebuffer(gl.FRAMEBUFFER, target.framebuffer(layer, 1));
    setInts(gl, program, { scatter: [perSlot, layer, width, height] });
    drawPoints(gl, { x: 0, y: 0, width, height }, slots.length * perSlot);
  }
}

/** Layers that slots touch. */
function layersOf(
  { layers }: TextureArray,
  perSlot: number,
  slots: Int32Array | readonly number[],
) {
  if (layers === 1) return [0];
  const found = new Set<number>();
  for (const slot of slots) {
    if (slot < 0) continue;
    const first = Math.floor((slot * perSlot) / TEXELS_PER_LAYER);
    const last = Math.floor(((slot + 1) * perSlot - 1) / TEXELS_PER_LAYER);
    for (let layer = first; layer <= last; layer++) found.add(layer);
  }
  return found;
}
