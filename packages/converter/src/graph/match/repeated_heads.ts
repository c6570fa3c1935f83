import { dataInputs, type NodeDef } from '../topology/graph_def.js';
import type { Context } from './context.js';
import { peel, wholeAxes, type Peeled } from './operand.js';

const RANK = 4;

export interface Unrepeated extends Peeled {
  /** Query heads that share each head. */
  repeat: number;
}

/**
 * The keys or values behind heads that were each repeated in place: `[B, K, S, H]` widened to `[B, K, G, S, H]` by a tile or
 * a broadcast and merged to `[B, K * G, S, H]`, in any order of axes. Heads repeated as a whole (0 1 0 1) are no groups
 * and are left alone.
 */
export function unrepeat(context: Context, operand: Peeled): Unrepeated | undefined {
  const node = context.graph.producer(operand.ref);
  if (node === undefined || (operand.axes !== undefined && operand.axes.length !== RANK))
    return undefined;
  const axes = wholeAxes(operand, RANK);
  const heads = axes[1];
  if (heads < 0) return undefined;
  const found = merged(context, node, heads, operand.axes !== undefined);
  if (found === undefined || found.repeat < 2) return undefined;
  const inner = peel(context, { ref: found.ref, axes, swap: false }, false);
  return {
    ...inner,
    scale: operand.scale,
    transposes: operand.transposes + inner.transposes,
    repeat: found.repeat,
  };
}

interface Source {
  ref: string;
  repeat: number;
}

/** Reshape of a widened tensor with one inserted axis behind the heads. */
function merged(
  { graph, constants }: Context,
  node: NodeDef,
  heads: number,
  rankKnown: boolean,
): Source | undefined {
  if (node.op !== 'Reshape') return undefined;
  const [wideRef, shapeRef] = dataInputs(node);
  const shape = constants.dims(shapeRef);
  if (shape === undefined ? !rankKnown : shape.length !== RANK) return undefined;
  const wide = graph.producer(wideRef);
  const repeat = wide === undefined ? undefined : widening(constants, wide, heads + 1);
  if (wide === undefined || repeat === undefined) return undefined;
  const narrow = graph.inputNode(wide, 0);
  if (narrow === undefined) return undefined;
  if (constants.insertedAxes(narrow)?.join() !== String(heads + 1)) return undefined;
  // Merging batches into tokens would also keep the number of elements.
  const batchMerged = shape?.[0] === 1 && heads !== 0;
  const partly = shape?.[heads] !== undefined && shape[heads] > 0 && shape[heads] % repeat !== 0;
  return batchMerged || partly ? undefined : { ref: dataInputs(narrow)[0], repeat };
}

/** How often a node repeats axis `axis` of five, if it widens that one alone. */
function widening(
  constants: Context['constants'],
  node: NodeDef,
  axis: number,
): number | undefined {
  const list = dataInputs(node)[1];
  if (node.op === 'Tile') {
    const multiples = constants.integers(list);
    const alone =
      multiples?.length === RANK + 1 && multiples.every((m, i) => i === axis || m === 1);
    return alone ? multiples[axis] : undefined;
  }
  if (node.op !== 'BroadcastTo') return undefined;
  const wide = constants.dims(list);
  return wide?.length === RANK + 1 ? wide[axis] : undefined;
}
