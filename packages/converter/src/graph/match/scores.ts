import { keepsValue } from '../topology/constants.js';
import { dataInputs, type NodeDef } from '../topology/graph_def.js';
import type { Step } from '../program/program.js';
import { readBand } from './band.js';
import { rulesOf } from './condition.js';
import { describe, HIDES, Refusal, refuse, type Context } from './context.js';
import { isProduct, readScores, type ScoreProduct } from './product.js';

/** A step whose inputs are still references into the graph. */
export type DraftStep =
  | Exclude<Step, { input: number }>
  | (DistributiveOmit<Extract<Step, { input: number }>, 'input'> & { ref: string });
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

export interface ScoreChain {
  product: ScoreProduct;
  /** In the order in which they are done. */
  steps: DraftStep[];
}

const DEEPEST = 24;

/** Follows scores upwards from the softmax to the product that they come from. */
export function traceScores(context: Context, ref: string, depth = 0): ScoreChain | Refusal {
  const { graph, constants } = context;
  const node = graph.producer(ref);
  if (node === undefined || depth > DEEPEST)
    return refuse('no product of queries and keys above it');
  const [a, b, c] = dataInputs(node);
  const from = (x: string, ...steps: DraftStep[]) =>
    after(traceScores(context, x, depth + 1), steps);
  const either = (op: 'multiply' | 'add') =>
    first(from(a, { op, ref: b }), () => from(b, { op, ref: a }));

  if (isProduct(node)) {
    const product = readScores(node);
    return product instanceof Refusal ? product : { product, steps: [] };
  }
  if (keepsValue(node)) return from(a);
  switch (node.op) {
    case 'Mul': {
      const [left, right] = [constants.single(a), constants.single(b)];
      if (right !== undefined) return from(a, { op: 'scale', by: right });
      if (left !== undefined) return from(b, { op: 'scale', by: left });
      return either('multiply');
    }
    case 'RealDiv':
    case 'Div': {
      const divisor = constants.single(b);
      return divisor === undefined || divisor === 0
        ? from(a, { op: 'divide', ref: b })
        : from(a, { op: 'scale', by: 1 / divisor });
    }
    case 'Add':
    case 'AddV2': {
      const masked = maskedProduct(context, node);
      if (masked !== undefined) return from(masked.ref, ...masked.steps);
      if (constants.isConstant(b)) return from(a, addition(context, b));
      if (constants.isConstant(a)) return from(b, addition(context, a));
      return either('add');
    }
    case 'Sub': {
      const masked = maskedProduct(context, node);
      return masked === undefined
        ? from(a, { op: 'subtract', ref: b })
        : from(masked.ref, ...masked.steps);
    }
    case 'Tanh':
      return from(a, { op: 'tanh' });
    case 'Reshape': {
      const shape = constants.integers(b);
      return from(a, shape === undefined ? { op: 'reshape_to', ref: b } : { op: 'reshape', shape });
    }
    case 'Select':
    case 'SelectV2':
      return first(selection(context, a, b, c, true, from), () =>
        selection(context, a, c, b, false, from),
      );
    default:
      return refuse(
        `its input comes from ${describe(node)}, not from a product of queries and keys`,
      );
  }
}

/** `where(condition, scores, fill)`, or with the two exchanged. */
function selection(
  context: Context,
  condition: string,
  scores: string,
  fillRef: string,
  keep: boolean,
  from: (ref: string, ...steps: DraftStep[]) => ScoreChain | Refusal,
): ScoreChain | Refusal {
  const fill = context.constants.scalar(fillRef);
  if (fill === undefined) return refuse('a where mixes scores with something computed');
  if (!(fill <= HIDES)) return refuse(`a where fills scores with ${fill}, which hides no key`);
  const steps = rulesOf(context, condition, keep).map((rule): DraftStep =>
    rule.kind === 'band'
      ? { op: 'causal', ...rule.band, fill }
      : {
          op: 'select',
          ref: rule.ref,
          keep: rule.keep,
          fill,
          ...(rule.expand.length === 0 ? {} : { expand: rule.expand }),
        },
  );
  return from(scores, ...steps);
}

/** A constant bias, or the causal mask that one is. */
function addition({ constants }: Context, ref: string): DraftStep {
  const value = constants.value(ref);
  if (value === undefined) return { op: 'add', ref };
  const hidden = Array.from(value.values).filter((x) => x !== 0);
  const band = readBand(value, (x) => x === 0);
  return band !== undefined && hidden.every((x) => x <= HIDES && x === hidden[0])
    ? { op: 'causal', ...band, fill: hidden[0] }
    : { op: 'add', ref };
}

/** `scores * b - 1e4 * (1 - b)` with a constant causal `b` of zeros and ones, or of zeros and the scale. */
function maskedProduct(
  { graph, constants }: Context,
  node: NodeDef,
): { ref: string; steps: DraftStep[] } | undefined {
  const product = graph.inputNode(node, 0);
  const shift = constants.value(dataInputs(node)[1]);
  if (product?.op !== 'Mul' || shift === undefined) return undefined;
  const sign = node.op === 'Sub' ? -1 : 1;
  const [x, y] = dataInputs(product);
  for (const [ref, factorRef] of [
    [x, y],
    [y, x],
  ]) {
    // prettier-ignore
    const factor = constants.value(factorRef);
    if (factor === undefined || factor.values.length !== shift.values.length) continue;
    const factors = Array.from(factor.values);
    const by = factors.find((value) => value !== 0) ?? 1;
    const fill = sign * shift.values[factors.indexOf(0)];
    const band = readBand(factor, (value) => value !== 0);
    const fits = factors.every((value, i) =>
      value === 0 ? sign * shift.values[i] === fill : value === by && shift.values[i] === 0,
    );
    if (band !== undefined && fits && fill <= HIDES) {
      return {
        ref,
        steps: [
          { op: 'scale', by },
          { op: 'causal', ...band, fill },
        ],
      };
    }
  }
  return undefined;
}

function after(chain: ScoreChain | Refusal, steps: DraftStep[]): ScoreChain | Refusal {
  return chain instanceof Refusal ? chain : { ...chain, steps: [...chain.steps, ...steps] };
}

function first(
  chain: ScoreChain | Refusal,
  other: () => ScoreChain | Refusal,
): ScoreChain | Refusal {
  if (!(chain instanceof Refusal)) return chain;
  const second = other();
  return second instanceof Refusal ? chain : second;
}
