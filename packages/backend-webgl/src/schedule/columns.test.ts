import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SHEET } from '../device/sheets.js';
import { columnsSize, linesSize } from './columns.js';

const counts = fc.integer({ min: 1, max: 200_000 });

/** What column_place in kernels/webgl/texels.glsl gives for the last texel of column i. */
const lastOfColumn = (i: number, height: number) => ({
  x: i % SHEET,
  y: Math.floor(i / SHEET) * height + height - 1,
});

test('every texel of a column lies inside', () => {
  fc.assert(
    fc.property(counts, fc.integer({ min: 1, max: 300 }), (count, height) => {
      const size = columnsSize(count, height);
      for (const i of [0, Math.min(count, SHEET) - 1, count - 1]) {
        const { x, y } = lastOfColumn(i, height);
        expect(x).toBeLessThan(size.width);
        expect(y).toBeLessThan(size.height);
      }
    }),
  );
});

/** What kv_values_place in kernels/parts/kv.glsl gives for the last texel of a tile. */
const lastOfTile = (tile: number, keys: number, line: number) => {
  const high = Math.floor(SHEET / keys);
  const deck = Math.floor(tile / high);
  return { x: deck * line + line - 1, y: (tile - deck * high) * keys + keys - 1 };
};

test('every line of a tile lies inside', () => {
  fc.assert(
    fc.property(counts, fc.integer({ min: 1, max: 64 }), (tiles, line) => {
      const size = linesSize(tiles, 7, line);
      for (const tile of [0, Math.min(tiles, Math.floor(SHEET / 7)) - 1, tiles - 1]) {
        const { x, y } = lastOfTile(tile, 7, line);
        expect(x).toBeLessThan(size.width);
        expect(y).toBeLessThan(size.height);
      }
    }),
  );
});
