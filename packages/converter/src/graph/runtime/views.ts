import { reshape, tile, transpose, type Tensor } from '@tensorflow/tfjs-core';
import type { Operand } from '../program/program.js';

/** A tensor whose canonical axes `[..., tokens, size]` are axes `axes` of it; -1 stands for one of length 1. */
export interface View {
  tensor: Tensor;
  axes: readonly number[];
  /** Each head stands for so many. */
  repeat: number;
}

export function viewOf(tensor: Tensor, { axes, swap, repeat = 1 }: Operand): View {
  if (axes !== undefined) return { tensor, axes, repeat };
  const all = tensor.shape.map((_, axis) => axis);
  const last = all.length - 1;
  return { tensor, axes: swap ? [...all.slice(0, -2), last, last - 1] : all, repeat };
}

/** Lengths of the canonical axes, without the repetition of heads. */
export function viewShape({ tensor, axes }: View): number[] {
  return axes.map((axis) => (axis < 0 ? 1 : tensor.shape[axis]));
}

/** The canonical tensor itself, heads not repeated; moves data only where axes are out of order. */
export function canonical(view: View): Tensor {
  const { tensor, axes } = view;
  const present = axes.filter((axis) => axis >= 0);
  const moved = present.every((axis, i) => axis === i) ? tensor : transpose(tensor, present);
  return present.length === axes.length ? moved : reshape(moved, viewShape(view));
}

/** Repeats each head in place: `[B, K, S, H]` to `[B, K * repeat, S, H]`. */
export function repeated(tensor: Tensor, repeat: number): Tensor {
  if (repeat === 1) return tensor;
  const [batch, heads, tokens, size] = tensor.shape;
  const wide = tile(reshape(tensor, [batch, heads, 1, tokens, size]), [1, 1, repeat, 1, 1]);
  return reshape(wide, [batch, heads * repeat, tokens, size]);
}

/** Puts canonical axes into the order of the result. */
export function arranged(tensor: Tensor, out: readonly number[] | undefined): Tensor {
  if (out === undefined || out.every((axis, i) => axis === i)) return tensor;
  return transpose(tensor, [...out]);
}
