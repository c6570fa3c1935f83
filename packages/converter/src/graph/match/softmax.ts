import { boolAttr } from '../topology/attrs.js';
import { dataInputs, parseRef, type NodeDef } from '../topology/graph_def.js';
import type { Context } from './context.js';
import { rankOf } from './ranks.js';

/** A softmax over the last axis: one node, or exp divided by its sum. */
export interface SoftmaxMatch {
  node: NodeDef;
  /** What it is taken of. */
  input: string;
}

/** The softmax that ends in `node`, if one does. */
export function matchSoftmax(context: Context, node: NodeDef): SoftmaxMatch | undefined {
  if (node.op === 'Softmax') return { node, input: dataInputs(node)[0] };
  const parts = quotient(context, node);
  if (parts === undefined) return undefined;
  const [exp, sum] = parts;
  if (exp?.op !== 'Exp' || sum?.op !== 'Sum') return undefined;
  if (context.graph.inputNode(sum, 0) !== exp || !keepsLastAxis(context, sum)) return undefined;
  return { node, input: withoutMaximum(context, dataInputs(exp)[0]) };
}

/** Numerator and denominator of `a / b` or `a * (1 / b)`. */
function quotient({ graph }: Context, node: NodeDef): [NodeDef?, NodeDef?] | undefined {
  if (node.op === 'RealDiv' || node.op === 'Div') {
    return [graph.inputNode(node, 0), graph.inputNode(node, 1)];
  }
  if (node.op !== 'Mul') return undefined;
  for (const [a, b] of [
    [0, 1],
    [1, 0],
  ]) {
    // prettier-ignore
    const inverse = graph.inputNode(node, b);
    if (inverse?.op === 'Reciprocal' || inverse?.op === 'Inv') {
      return [graph.inputNode(node, a), graph.inputNode(inverse, 0)];
    }
  }
  return undefined;
}

/** `x` of `x - max(x)`: what is subtracted from a whole row changes no softmax. */
function withoutMaximum(context: Context, ref: string): string {
  const { graph } = context;
  const node = graph.producer(ref);
  if (node?.op !== 'Sub') return ref;
  let maximum = graph.inputNode(node, 1);
  while (maximum?.op === 'StopGradient' || maximum?.op === 'Identity') {
    maximum = graph.inputNode(maximum, 0);
  }
  const [x] = dataInputs(node);
  const isRowMaximum =
    maximum?.op === 'Max' &&
    sameTensor(dataInputs(maximum)[0], x) &&
    keepsLastAxis(context, maximum);
  return isRowMaximum ? x : ref;
}

/** Whether a reduction is over the last axis alone and keeps it. */
function keepsLastAxis(context: Context, node: NodeDef): boolean {
  const [input, axesRef] = dataInputs(node);
  const axes = context.constants.integers(axesRef);
  if (axes?.length !== 1 || !boolAttr(node, 'keep_dims', 'keepdims')) return false;
  return axes[0] === -1 || axes[0] + 1 === rankOf(context, input);
}

function sameTensor(a: string, b: string): boolean {
  const [left, right] = [parseRef(a), parseRef(b)];
  return left.node === right.node && left.output === right.output;
}
