import { boolAttr } from '../topology/attrs.js';
import { dataInputs, type NodeDef } from '../topology/graph_def.js';
import type { Context } from './context.js';
import { rankOf } from './ranks.js';

/**
 * Whether `ref` is computed as the plain causal mask, query i sees keys 0 to i, whatever the lengths: two ranges compared,
 * two running sums of ones compared, or the lower band of a matrix of ones.
 */
export function isCausalMask(context: Context, ref: string): boolean {
  const { graph, constants } = context;
  const node = graph.producer(ref);
  if (node === undefined) return false;
  const [a, b] = dataInputs(node);
  switch (node.op) {
    case 'Cast':
    case 'Identity':
      return isCausalMask(context, a);
    case 'ExpandDims':
    case 'StridedSlice':
      return addsLeadingAxes(context, node) && isCausalMask(context, a);
    case 'GreaterEqual':
      return isIndex(context, a, -2) && isIndex(context, b, -1);
    case 'LessEqual':
      return isIndex(context, a, -1) && isIndex(context, b, -2);
    case 'Greater':
    case 'NotEqual':
      return constants.single(b) === 0 && isCausalMask(context, a);
    case 'Equal':
      return constants.single(b) === 1 && isCausalMask(context, a);
    case 'MatrixBandPart': {
      const [lower, upper] = dataInputs(node)
        .slice(1)
        .map((bound) => constants.single(bound));
      return lower !== undefined && lower < 0 && upper === 0 && constants.scalar(a) === 1;
    }
    default:
      return false;
  }
}

/** Whether `ref` counts queries (`axis` -2, shape `[..., T, 1]` or `[..., T, S]`) or keys (-1) from the same start. */
function isIndex(context: Context, ref: string, axis: -1 | -2): boolean {
  const { graph, constants } = context;
  const node = graph.producer(ref);
  if (node === undefined) return false;
  const [input, second] = dataInputs(node);
  if (node.op === 'Cumsum') {
    const along = constants.single(second);
    const rank = rankOf(context, input);
    const matches = along === axis || (rank !== undefined && along === rank + axis);
    const plain = !boolAttr(node, 'exclusive') && !boolAttr(node, 'reverse');
    return matches && plain && constants.scalar(input) === 1;
  }
  if (axis === -1 && node.op === 'Range') return countsFromZero(context, node);
  const range = graph.producer(input);
  if (range?.op !== 'Range' || !countsFromZero(context, range)) return false;
  const inserted = constants.insertedAxes(node);
  if (inserted !== undefined) {
    if (axis === -1) return inserted.every((at, i) => at === i);
    const last = inserted.at(-1);
    return inserted.length === 1 && (last === 1 || last === -1);
  }
  const shape = node.op === 'Reshape' ? constants.dims(second) : undefined;
  if (shape === undefined || shape.length < 2) return false;
  const ones = shape.slice(0, -2).every((size) => size === 1);
  return ones && shape.at(axis === -1 ? -2 : -1) === 1 && shape.at(axis) !== 1;
}

function countsFromZero({ constants }: Context, node: NodeDef): boolean {
  const [start, , delta] = dataInputs(node);
  return constants.single(start) === 0 && constants.single(delta) === 1;
}

/** Axes inserted before a mask's own two. */
function addsLeadingAxes(context: Context, node: NodeDef): boolean {
  const inserted = context.constants.insertedAxes(node);
  return inserted?.every((axis, i) => axis === i) ?? false;
}
