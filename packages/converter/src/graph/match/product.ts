import { boolAttr, intAttr, stringAttr } from '../topology/attrs.js';
import { dataInputs, type NodeDef } from '../topology/graph_def.js';
import { describe, Refusal, refuse } from './context.js';
import { outputAxes, parseEquation, scoreAxes } from './einsum.js';

/** A tensor and how its axes become the canonical `[..., tokens, size]`. */
export interface Arranged {
  ref: string;
  /** Known where the op tells the rank. */
  axes?: readonly number[];
  /** Only without `axes`. */
  swap: boolean;
}

export interface ScoreProduct {
  node: NodeDef;
  query: Arranged;
  key: Arranged;
}

export interface OutputProduct {
  node: NodeDef;
  value: Arranged;
  out?: readonly number[];
}

const PRODUCTS = new Set(['BatchMatMul', 'BatchMatMulV2', 'BatchMatMulV3', 'MatMul', '_FusedMatMul', 'Einsum']); // prettier-ignore

export const isProduct = (node: NodeDef) => PRODUCTS.has(node.op);

/** Reads a product as scores of queries (left or right in an einsum, left in a matrix product) and keys. */
export function readScores(node: NodeDef): ScoreProduct | Refusal {
  const [a, b] = dataInputs(node);
  if (node.op !== 'Einsum') {
    const refusal = onlyProduct(node);
    if (refusal !== undefined) return refusal;
    const { left, right } = transposed(node);
    return { node, query: { ref: a, swap: left }, key: { ref: b, swap: !right } };
  }
  const equation = parseEquation(stringAttr(node, 'equation'));
  const found = equation instanceof Refusal ? equation : scoreAxes(equation);
  if (found instanceof Refusal) return found;
  const pick = ({ operand, axes }: { operand: 0 | 1; axes: number[] }) => ({
    ref: [a, b][operand],
    axes,
    swap: false,
  });
  return { node, query: pick(found.query), key: pick(found.key) };
}

/** Reads a product as weights, operand number `weights`, times values. */
export function readOutput(node: NodeDef, weights: 0 | 1): OutputProduct | Refusal {
  const ref = dataInputs(node)[1 - weights];
  if (node.op !== 'Einsum') {
    const refusal = onlyProduct(node);
    if (refusal !== undefined) return refusal;
    const { left, right } = transposed(node);
    if (weights !== 0 || left) {
      return refuse(`${describe(node)} has the weights transposed or on its right`);
    }
    return { node, value: { ref, swap: right } };
  }
  const equation = parseEquation(stringAttr(node, 'equation'));
  const found = equation instanceof Refusal ? equation : outputAxes(equation, weights);
  if (found instanceof Refusal) return found;
  return { node, value: { ref, axes: found.value, swap: false }, out: found.out };
}

function transposed(node: NodeDef): { left: boolean; right: boolean } {
  return {
    left: boolAttr(node, 'adj_x', 'transpose_a'),
    right: boolAttr(node, 'adj_y', 'transpose_b'),
  };
}

/** `_FusedMatMul` may carry a bias and an activation. */
function onlyProduct(node: NodeDef): Refusal | undefined {
  return node.op === '_FusedMatMul' && intAttr(node, 'num_args') > 0
    ? refuse(`${describe(node)} adds a bias: a dense layer`)
    : undefined;
}
