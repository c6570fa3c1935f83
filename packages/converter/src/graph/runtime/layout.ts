import { reshape, transpose, type Tensor } from '@tensorflow/tfjs-core';
import { viewShape, type View } from './views.js';

/** The two layouts of core's dense op. */
export type Layout = 'bsnh' | 'bnsh';

/** How axes before the last two become batches and heads. */
export interface Grouping {
  batch: number;
  heads: number;
  kvHeads: number;
  /** How many of the leading axes are batches; the others are heads. */
  batchAxes: number;
}

/**
 * Batches and heads of queries `[...lead, T, H]` and keys `[...keyLead, S, H]`. `undefined` where keys broadcast in another way
 * than by sharing a head.
 */
export function groupHeads(
  lead: readonly number[],
  keyLead: readonly number[],
  repeat: number,
): Grouping | undefined {
  const product = (axes: readonly number[]) => axes.reduce((size, axis) => size * axis, 1);
  if (lead.length !== keyLead.length) return undefined;
  if (lead.length === 0) return { batch: 1, heads: 1, kvHeads: 1, batchAxes: 0 };
  if (lead.length === 1) {
    if (lead[0] === keyLead[0]) return { batch: lead[0], heads: 1, kvHeads: 1, batchAxes: 1 };
    return keyLead[0] === 1 ? { batch: 1, heads: lead[0], kvHeads: 1, batchAxes: 0 } : undefined;
  }
  const last = lead.length - 1;
  if (lead.slice(0, last).some((size, axis) => size !== keyLead[axis])) return undefined;
  const [heads, kvHeads] = [lead[last], keyLead[last]];
  if (heads === kvHeads * repeat) {
    return { batch: product(lead.slice(0, last)), heads, kvHeads, batchAxes: last };
  }
  if (kvHeads !== 1 || repeat !== 1) return undefined;
  if (lead.length === 2) return { batch: lead[0], heads, kvHeads, batchAxes: 1 };
  const groups = lead[last - 1];
  return {
    batch: product(lead.slice(0, last - 1)),
    heads: groups * heads,
    kvHeads: groups,
    batchAxes: last - 1,
  };
}

/** Canonical axes in the order in which a layout holds them. */
function layoutOrder(rank: number, batchAxes: number, layout: Layout): number[] {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  if (layout === 'bnsh') return axes;
  return [...axes.slice(0, batchAxes), rank - 2, ...axes.slice(batchAxes, -2), rank - 1];
}

/** Whether a tensor lies in a layout as it is. */
export function liesIn(view: View, { batchAxes }: Grouping, layout: Layout): boolean {
  const order = layoutOrder(view.axes.length, batchAxes, layout);
  return isRising(order.map((axis) => view.axes[axis]).filter((axis) => axis >= 0));
}

/** A tensor in a layout; `heads` is N or K. */
export function inLayout(view: View, grouping: Grouping, heads: number, layout: Layout): Tensor {
  const order = layoutOrder(view.axes.length, grouping.batchAxes, layout);
  const present = order.map((axis) => view.axes[axis]).filter((axis) => axis >= 0);
  const moved = isRising(present) ? view.tensor : transpose(view.tensor, present);
  const [tokens, size] = viewShape(view).slice(-2);
  const { batch } = grouping;
  return reshape(
    moved,
    layout === 'bsnh' ? [batch, tokens, heads, size] : [batch, heads, tokens, size],
  );
}

/** Whether a result in this layout needs no transpose for axes `out`. */
export function leavesAs(out: readonly number[], { batchAxes }: Grouping, layout: Layout): boolean {
  const order = layoutOrder(out.length, batchAxes, layout);
  return out.every((axis, i) => axis === order[i]);
}

/** From a layout to axes `out` of the canonical result, whose lengths are `shape`. */
export function outOfLayout(
  result: Tensor,
  shape: readonly number[],
  out: readonly number[],
  { batchAxes }: Grouping,
  layout: Layout,
): Tensor {
  const order = layoutOrder(shape.length, batchAxes, layout);
  const whole = reshape(
    result,
    order.map((axis) => shape[axis]),
  );
  const moves = out.map((axis) => order.indexOf(axis));
  return isRising(moves) ? whole : transpose(whole, moves);
}

function isRising(axes: readonly number[]): boolean {
  return axes.every((axis, i) => i === 0 || axis > axes[i - 1]);
}
