import type { CutLimits } from './batch.js';

/** Part of a list. */
export interface Stretch {
  readonly first: number;
  readonly count: number;
}

/** A group whose states are merged from slots [slot, slot + slots). */
export interface MergedGroup {
  readonly group: number;
  readonly slot: number;
  readonly slots: number;
}

/** Work items, four numbers each (kernels/webgpu/batch.wgsl), and the dispatches that work them off. */
export interface WorkList {
  readonly items: readonly number[];
  readonly merged: readonly MergedGroup[];
  /** Items that write the output themselves. */
  readonly direct: Stretch;
  /** Items that leave states, in portions that scratch has room for, with the groups that are merged then. */
  readonly portions: readonly {
    readonly items: Stretch;
    readonly merges: Stretch;
    readonly slots: number;
  }[];
}

/** A group may work longer than this many times its share before it is split, where there are groups for all. */
const PATIENCE = 4;
/** Splits that a merge reads one after the other. */
const MOST_SPLITS = 128;

/**
 * Cuts the keys of groups (`keysOf`, in order of rows) into items of whole tiles, so that the device is busy and no long
 * sequence keeps it waiting. The last rows come first: under the causal rule they have most keys.
 */
export function cutItems(
  keysOf: Int32Array,
  tile: number,
  numKvHeads: number,
  { workgroups, leastTiles, mostSlots, direct }: CutLimits,
): WorkList {
  let tiles = 0;
  for (const keys of keysOf) tiles += Math.ceil(keys / tile);
  const share = Math.ceil((tiles * numKvHeads) / workgroups);
  const enough = keysOf.length * numKvHeads >= workgroups;
  const most = Math.max(leastTiles, share * (enough ? PATIENCE : 1)) * tile;

  const whole: number[] = [];
  const parts: number[] = [];
  const merged: MergedGroup[] = [];
  const portions: { items: Stretch; merges: Stretch; slots: number }[] = [];
  let portion = { item: 0, merge: 0, slot: 0 };
  const close = () => {
    const { item, merge, slot } = portion;
    const count = parts.length / 4 - item;
    if (count === 0) return;
    const merges = { first: merge, count: merged.length - merge };
    portions.push({ items: { first: item, count }, merges, slots: slot });
    portion = { item: parts.length / 4, merge: merged.length, slot: 0 };
  };
  for (let group = keysOf.length - 1; group >= 0; group--) {
    const keys = keysOf[group];
    const splits = Math.max(1, Math.min(MOST_SPLITS, mostSlots, Math.ceil(keys / most)));
    if (splits === 1 && direct) {
      whole.push(group, 0, keys, -1);
      continue;
    }
    if (portion.slot + splits > mostSlots) close();
    const step = Math.ceil(keys / tile / splits) * tile;
    for (let i = 0; i < splits; i++) {
      parts.push(group, Math.min(keys, i * step), Math.min(keys, (i + 1) * step), portion.slot + i);
    }
    merged.push({ group, slot: portion.slot, slots: splits });
    portion.slot += splits;
  }
  close();
  const offset = whole.length / 4;
  return {
    items: [...whole, ...parts],
    merged,
    direct: { first: 0, count: offset },
    portions: portions.map(({ items, ...rest }) => ({
      ...rest,
      items: { first: items.first + offset, count: items.count },
    })),
  };
}
