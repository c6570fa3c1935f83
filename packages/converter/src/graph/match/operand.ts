import { keepsValue } from '../topology/constants.js';
import { dataInputs } from '../topology/graph_def.js';
import type { Context } from './context.js';
import type { Arranged } from './product.js';

/** An operand after what lies before it was taken into the fused node. */
export interface Peeled extends Arranged {
  /** Product of the constant factors on the way. */
  scale: number;
  /** Transposes taken in. */
  transposes: number;
}

/** Axes of a permuted operand as the kernels read them, without moving anything. */
const READ_BY_STRIDES = ['0,1,2,3', '0,2,1,3', '0,1,2', '0,1'];

/** Follows an operand upwards through transposes and, where asked, constant factors that nobody else reads. */
export function peel(context: Context, start: Arranged, factors: boolean): Peeled {
  let found: Peeled = { ...start, scale: 1, transposes: 0 };
  for (;;) {
    const next = step(context, found, factors);
    if (next === undefined) return found;
    found = next;
  }
}

function step({ graph, constants }: Context, at: Peeled, factors: boolean): Peeled | undefined {
  const node = graph.producer(at.ref);
  if (node === undefined) return undefined;
  const [first, second] = dataInputs(node);
  if (keepsValue(node)) return { ...at, ref: first };
  const alone = !graph.outputs.has(node.name) && graph.consumers(node.name).length === 1;
  switch (node.op) {
    case 'Transpose': {
      const permutation = constants.integers(second);
      if (permutation === undefined || permutation.length < 2) return undefined;
      const axes = wholeAxes(at, permutation.length).map((axis) =>
        axis < 0 ? -1 : permutation[axis],
      );
      if (!alone && !READ_BY_STRIDES.includes(axes.join())) return undefined;
      return { ...at, ref: first, axes, swap: false, transposes: at.transposes + 1 };
    }
    case 'Mul':
      for (const [x, factorRef] of [
        [first, second],
        [second, first],
      ]) {
        // prettier-ignore
        const factor = constants.single(factorRef);
        if (factors && alone && factor !== undefined) {
          return { ...at, ref: x, scale: at.scale * factor };
        }
      }
      return undefined;
    case 'RealDiv': {
      const divisor = constants.single(second);
      if (!factors || !alone || divisor === undefined) return undefined;
      return { ...at, ref: first, scale: at.scale / divisor };
    }
    default:
      return undefined;
  }
}

/** The axes of an operand of this rank, with `swap` resolved. */
export function wholeAxes({ axes, swap }: Arranged, rank: number): number[] {
  if (axes !== undefined) return [...axes];
  const all = Array.from({ length: rank }, (_, axis) => axis);
  return swap ? [...all.slice(0, -2), rank - 1, rank - 2] : all;
}
