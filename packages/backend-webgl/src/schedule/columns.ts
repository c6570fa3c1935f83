import { SHEET } from '../device/sheets.js';

/** Texels of a sheet. */
export interface SheetSize {
  readonly width: number;
  readonly height: number;
}

/** Room for `count` columns of `height` texels, as kernels/webgl/texels.glsl places them. */
export function columnsSize(count: number, height: number): SheetSize {
  const decks = Math.max(1, Math.ceil(count / SHEET));
  return { width: Math.min(SHEET, widthFor(count)), height: decks * height };
}

/** Room for tiles of `keys` lines of `line` texels, as kernels/parts/kv.glsl places them. */
export function linesSize(tiles: number, keys: number, line: number): SheetSize {
  const high = Math.floor(SHEET / keys);
  const decks = Math.max(1, Math.ceil(tiles / high));
  return {
    width: decks * line,
    height: decks > 1 ? SHEET : Math.min(SHEET, widthFor(tiles * keys)),
  };
}

/** To a quarter of its power of two, so that growing batches reuse textures. */
function widthFor(count: number): number {
  const step = Math.max(64, 2 ** (Math.floor(Math.log2(Math.max(1, count))) - 2));
  return Math.ceil(Math.max(1, count) / step) * step;
}
