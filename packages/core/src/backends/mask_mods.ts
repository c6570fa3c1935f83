import { check, checkInt } from '../problem/checks.js';

/** What a mask does to a rectangle of positions. */
export type TileVisibility = 'all' | 'none' | 'some';

/**
 * Whether query position p of request b sees key position j in query head n (vLLM's and PyTorch's `mask_mod`). Positions
 * are absolute. `tile` may say the same of p0 to p1 and j0 to j1 at once (bounds included), which saves evaluating it.
 */
export interface MaskMod {
  (b: number, n: number, p: number, j: number): boolean;
  tile?: (p0: number, p1: number, j0: number, j1: number) => TileVisibility;
  /** Whether n matters; default false: one mask serves all heads. */
  perHead?: boolean;
}

/** `mod` with what it does to tiles. */
function withTile(mod: MaskMod, tile: NonNullable<MaskMod['tile']>): MaskMod {
  return Object.assign(mod, { tile });
}

/** Keys up to the query's own position: j <= p (vLLM `causal_mask_mod`). */
export const causalMaskMod: MaskMod = withTile(
  (_b, _n, p, j) => j <= p,
  (p0, p1, j0, j1) => (j1 <= p0 ? 'all' : j0 > p1 ? 'none' : 'some'),
);

/** Every key of the request. */
export const bidirectionalMaskMod: MaskMod = withTile(
  () => true,
  () => 'all',
);

/**
 * |p - j| < window, on both sides; with {@link causalMaskMod} the last `window` keys, the own one included.
 *
 * ```js
 * andMasks(causalMaskMod, slidingWindowMaskMod(3));  // position 5 sees 3, 4, 5
 * ```
 */
export function slidingWindowMaskMod(window: number): MaskMod {
  checkInt(window, 'slidingWindowMaskMod', 'window', 1);
  return withTile(
    (_b, _n, p, j) => Math.abs(p - j) < window,
    (p0, p1, j0, j1) => {
      const nearest = Math.max(0, j0 - p1, p0 - j1);
      if (nearest >= window) return 'none';
      const farthest = Math.max(Math.abs(p1 - j0), Math.abs(j1 - p0));
      return farthest < window ? 'all' : 'some';
    },
  );
}

/** Visible where all of the masks say so. */
export function andMasks(...mods: readonly MaskMod[]): MaskMod {
  return combine('andMasks', mods, 'none', (b, n, p, j) => mods.every((mod) => mod(b, n, p, j)));
}

/** Visible where one of the masks says so. */
export function orMasks(...mods: readonly MaskMod[]): MaskMod {
  return combine('orMasks', mods, 'all', (b, n, p, j) => mods.some((mod) => mod(b, n, p, j)));
}

/** A combination in which one tile of kind `decisive` settles the whole, and only unanimity settles the other. */
function combine(
  op: string,
  mods: readonly MaskMod[],
  decisive: 'all' | 'none',
  mod: MaskMod,
): MaskMod {
  check(mods.length > 0, op, 'give at least one mask function');
  mods.forEach((each, i) =>
    check(typeof each === 'function', op, `argument ${i} must be a function, got ${typeof each}`),
  );
  const other = decisive === 'all' ? 'none' : 'all';
  return Object.assign(
    withTile(mod, (p0, p1, j0, j1) => {
      const tiles = mods.map(({ tile }) => tile?.(p0, p1, j0, j1) ?? 'some');
      if (tiles.includes(decisive)) return decisive;
      return tiles.every((tile) => tile === other) ? other : 'some';
    }),
    { perHead: mods.some(({ perHead }) => perHead) },
  );
}
