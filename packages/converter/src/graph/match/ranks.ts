import { shapeAttr, stringAttr } from '../topology/attrs.js';
import { keepsValue } from '../topology/constants.js';
import { dataInputs, type NodeDef } from '../topology/graph_def.js';
import type { Context } from './context.js';

const SAME_RANK = new Set(['Softmax', 'Exp', 'Tanh', 'Neg', 'Cast', 'LogicalNot', 'BatchMatMul', 'BatchMatMulV2', 'BatchMatMulV3', 'MatMul', 'Transpose', 'Cumsum', 'MatrixBandPart']); // prettier-ignore
const BROADCASTS = new Set(['Add', 'AddV2', 'Sub', 'Mul', 'RealDiv', 'LogicalAnd', 'LogicalOr', 'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'Equal', 'NotEqual', 'SelectV2', 'Maximum', 'Minimum']); // prettier-ignore
const DEEPEST = 40;

/** Number of axes of what `ref` names, where the topology tells. */
export function rankOf(context: Context, ref: string, depth = 0): number | undefined {
  const node = context.graph.producer(ref);
  if (node === undefined || depth > DEEPEST) return undefined;
  const rank = (index: number) => rankOf(context, dataInputs(node)[index], depth + 1);
  if (SAME_RANK.has(node.op) || keepsValue(node)) return rank(0);
  if (BROADCASTS.has(node.op)) return widest(dataInputs(node).map((_, index) => rank(index)));
  switch (node.op) {
    case 'Placeholder':
    case 'PlaceholderWithDefault':
      return shapeAttr(node, 'shape')?.length;
    case 'Const':
      return context.constants.value(ref)?.shape.length;
    case 'Einsum':
      return einsumRank(node);
    case 'Reshape':
    case 'BroadcastTo':
      return context.constants.dims(dataInputs(node)[1])?.length;
    case 'Fill':
      return context.constants.dims(dataInputs(node)[0])?.length;
    case 'ExpandDims':
    case 'StridedSlice': {
      const [inner, inserted] = [rank(0), context.constants.insertedAxes(node)];
      return inner === undefined || inserted === undefined ? undefined : inner + inserted.length;
    }
    default:
      return undefined;
  }
}

function einsumRank(node: NodeDef): number | undefined {
  const out = stringAttr(node, 'equation')?.split('->')[1];
  return out === undefined || out.includes('.') ? undefined : out.trim().length;
}

function widest(ranks: readonly (number | undefined)[]): number | undefined {
  return ranks.some((rank) => rank === undefined) ? undefined : Math.max(...(ranks as number[]));
}
