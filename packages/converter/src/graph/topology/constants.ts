import { boolAttr, intAttr, typeAttr } from './attrs.js';
import { dataInputs, type NodeDef } from './graph_def.js';
import type { GraphView } from './graph_view.js';
import type { ConstantValue, Weights } from './weights.js';

const SAME_VALUE = new Set(['Identity', 'Snapshot', 'StopGradient', 'PreventGradient']);

/** Reads what a graph holds as constants: weights, and the few ops that only reshape or retype one. */
export class Constants {
  constructor(
    private readonly graph: GraphView,
    private readonly weights: Weights,
  ) {}

  /** `undefined` unless `ref` is a constant. */
  value(ref: string | undefined): ConstantValue | undefined {
    const node = ref === undefined ? undefined : this.graph.producer(ref);
    if (node === undefined) return undefined;
    if (node.op === 'Const') return this.weights.value(node.name);
    if (SAME_VALUE.has(node.op)) return this.value(dataInputs(node)[0]);
    if (node.op === 'Cast') return cast(this.value(dataInputs(node)[0]), typeAttr(node, 'DstT'));
    if (node.op === 'ExpandDims') return this.expanded(node);
    return undefined;
  }

  /** Whether `ref` is a constant, without decoding it. */
  isConstant(ref: string): boolean {
    const node = this.graph.producer(ref);
    if (node === undefined) return false;
    if (node.op === 'Const') return true;
    return (SAME_VALUE.has(node.op) || node.op === 'Cast') && this.isConstant(dataInputs(node)[0]);
  }

  /** The one number that a constant holds, also one repeated by a constant, `Fill` or `BroadcastTo`. */
  scalar(ref: string | undefined): number | undefined {
    const node = ref === undefined ? undefined : this.graph.producer(ref);
    if (node?.op === 'Fill') return this.scalar(dataInputs(node)[1]);
    if (node?.op === 'BroadcastTo') return this.scalar(dataInputs(node)[0]);
    const found = this.value(ref);
    if (found === undefined || found.values.length === 0) return undefined;
    const first = found.values[0];
    for (let i = 1; i < found.values.length; i++) {
      if (found.values[i] !== first) return undefined;
    }
    return first;
  }

  /** Like `scalar`, but of a tensor with one element, which therefore broadcasts without widening anything. */
  single(ref: string | undefined): number | undefined {
    const found = this.value(ref);
    return found?.values.length === 1 ? found.values[0] : undefined;
  }

  /** A constant list of integers, such as axes or a permutation. */
  integers(ref: string | undefined): number[] | undefined {
    const found = this.value(ref);
    return found?.dtype === 'int32' ? Array.from(found.values) : undefined;
  }

  /** Entries of a shape operand that are known; `undefined` entries are computed at run time. */
  dims(ref: string | undefined): (number | undefined)[] | undefined {
    const whole = this.integers(ref);
    if (whole !== undefined) return whole;
    const node = ref === undefined ? undefined : this.graph.producer(ref);
    if (node?.op !== 'Pack' || intAttr(node, 'axis') !== 0) return undefined;
    return dataInputs(node).map((entry) => this.single(entry));
  }

  /**
   * Axes of length 1 that a node inserts and nothing else: `ExpandDims`, and `StridedSlice` as `x[:, None]` leaves it.
   * `undefined` for every other node.
   */
  insertedAxes(node: NodeDef): number[] | undefined {
    if (node.op === 'ExpandDims') {
      const axis = this.single(dataInputs(node)[1]);
      return axis === undefined ? undefined : [axis];
    }
    if (node.op !== 'StridedSlice') return undefined;
    const steps = this.integers(dataInputs(node)[3]);
    if (steps === undefined || intAttr(node, 'shrink_axis_mask') !== 0) return undefined;
    if (intAttr(node, 'ellipsis_mask') !== 0) return undefined;
    const added = intAttr(node, 'new_axis_mask');
    const whole = intAttr(node, 'begin_mask') & intAttr(node, 'end_mask');
    const axes = steps.map((_, axis) => axis);
    const inserted = axes.filter((axis) => (added >> axis) & 1);
    const untouched = (axis: number) => (whole >> axis) & 1 && steps[axis] === 1;
    return axes.every((axis) => inserted.includes(axis) || untouched(axis)) ? inserted : undefined;
  }

  private expanded(node: NodeDef): ConstantValue | undefined {
    const [ref, axisRef] = dataInputs(node);
    const [found, axis] = [this.value(ref), this.single(axisRef)];
    if (found === undefined || axis === undefined) return undefined;
    const shape = [...found.shape];
    shape.splice(axis < 0 ? shape.length + 1 + axis : axis, 0, 1);
    return { ...found, shape };
  }
}

/** Whether a node hands its input on unchanged; half types count as float32, which is what tfjs makes of them. */
export function keepsValue(node: NodeDef): boolean {
  if (SAME_VALUE.has(node.op)) return true;
  const isFloat = (name: string) =>
    ['DT_FLOAT', 'DT_HALF', 'DT_BFLOAT16'].includes(typeAttr(node, name) ?? '');
  return node.op === 'Cast' && isFloat('SrcT') && isFloat('DstT') && !boolAttr(node, 'Truncate');
}

function cast(found: ConstantValue | undefined, type = ''): ConstantValue | undefined {
  if (found === undefined) return undefined;
  switch (type) {
    case 'DT_FLOAT':
      return { ...found, dtype: 'float32' };
    case 'DT_INT32':
      return { ...found, dtype: 'int32', values: Int32Array.from(found.values) };
    case 'DT_BOOL':
      return {
        ...found,
        dtype: 'bool',
        values: Uint8Array.from(found.values, (x) => Number(x !== 0)),
      };
    default:
      return undefined;
  }
}
