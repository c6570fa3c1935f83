import { dataInputs, type NodeDef } from '../topology/graph_def.js';
import { readBand, type Band } from './band.js';
import { isCausalMask } from './computed_causal.js';
import type { Context } from './context.js';
import { rankOf } from './ranks.js';

/** One of the rules that all must hold for a key to be seen. */
export type Rule =
  | { kind: 'band'; band: Omit<Band, 'rows' | 'columns'> & Partial<Band> }
  | { kind: 'tensor'; ref: string; keep: boolean; expand: readonly number[] };

/** Takes a condition apart into rules. A key is seen where the condition is `keep`. */
export function rulesOf(
  context: Context,
  ref: string,
  keep: boolean,
  expand: readonly number[] = [],
): Rule[] {
  const { graph, constants } = context;
  const node = graph.producer(ref);
  const whole: Rule[] = [{ kind: 'tensor', ref, keep, expand }];
  if (node === undefined) return whole;
  const split = () =>
    dataInputs(node).flatMap((operand) => rulesOf(context, operand, keep, expand));
  const isMask = keepsLastAxes(context, ref, expand);
  if (keep && isMask && isCausalMask(context, ref)) return [{ kind: 'band', band: { offset: 0 } }];
  switch (node.op) {
    case 'Const':
      return constantRules(context, ref, keep, whole, isMask);
    case 'Fill':
      return constants.scalar(ref) === Number(keep) ? [] : whole;
    case 'Identity':
      return rulesOf(context, dataInputs(node)[0], keep, expand);
    case 'LogicalNot':
      return rulesOf(context, dataInputs(node)[0], !keep, expand);
    case 'LogicalAnd':
      return keep && canSplit(context, node, expand) ? split() : whole;
    case 'LogicalOr':
      return !keep && canSplit(context, node, expand) ? split() : whole;
    case 'ExpandDims': {
      const axis = constants.single(dataInputs(node)[1]);
      const inner = graph.inputNode(node, 0)?.op;
      if (axis === undefined || (inner !== 'LogicalAnd' && inner !== 'LogicalOr')) return whole;
      return rulesOf(context, dataInputs(node)[0], keep, [axis, ...expand]);
    }
    default:
      return whole;
  }
}

/** An inserted axis means the same for both operands only where their ranks agree. */
function canSplit(context: Context, node: NodeDef, expand: readonly number[]): boolean {
  if (expand.length === 0) return true;
  const [a, b] = dataInputs(node).map((ref) => rankOf(context, ref));
  return a !== undefined && a === b;
}

/** Whether the inserted axes all lie before the last two, which then are queries and keys. */
function keepsLastAxes(context: Context, ref: string, expand: readonly number[]): boolean {
  if (expand.length === 0) return true;
  const rank = rankOf(context, ref);
  if (rank === undefined) return false;
  return expand.every((axis, i) => (axis < 0 ? rank + i + 1 + axis : axis) <= rank + i - 2);
}

function constantRules(
  context: Context,
  ref: string,
  keep: boolean,
  whole: Rule[],
  isMask: boolean,
): Rule[] {
  const value = context.constants.value(ref);
  if (value === undefined) return whole;
  const isVisible = (x: number) => (x !== 0) === keep;
  const band = isMask ? readBand(value, isVisible) : undefined;
  if (band !== undefined) return [{ kind: 'band', band }];
  return Array.from(value.values).every(isVisible) && value.values.length === 1 ? [] : whole;
}
