import type { Tensor } from '@tensorflow/tfjs-core';
import { HIDES } from '../match/context.js';
import type { AttentionProgram, Step } from '../program/program.js';
import { alignScores, type ScoreView } from './align.js';
import type { Grouping } from './layout.js';
import { checkBand, expanded } from './stock.js';

export type CausalStep = Extract<Step, { op: 'causal' }>;

/** The steps of a program, sorted by what the kernels make of them. */
export interface ScoreRules {
  softmaxScale: number;
  /** 0 = none. */
  logitsSoftCap: number;
  /** Multiply or divide the queries by a computed number. */
  queryFactors: { tensor: Tensor; divide: boolean }[];
  biases: { tensor: Tensor; factor: number }[];
  /** Where they are `keep`, a key is seen; elsewhere a score is `fill`. */
  conditions: { tensor: Tensor; keep: boolean }[];
  fill: number;
  causal?: CausalStep;
}

/** A fill from here on swallows whatever is added to it afterwards. */
const SWALLOWS = -1e8;

/**
 * Sorts the steps of a program for actual shapes. `undefined` where the order of steps or a shape is one that the kernels do
 * not know; the graph's own ops then serve.
 */
export function sortSteps(
  { steps }: AttentionProgram,
  inputs: readonly Tensor[],
  start: ScoreView,
  grouping: Grouping,
): ScoreRules | undefined {
  const rules: ScoreRules = {
    softmaxScale: 1,
    logitsSoftCap: 0,
    queryFactors: [],
    biases: [],
    conditions: [],
    fill: -Infinity,
  };
  let view = start;
  for (const step of steps) {
    if (step.op === 'reshape' || step.op === 'reshape_to') {
      const shape = step.op === 'reshape' ? step.shape : Array.from(inputs[step.input].dataSync());
      const next = reshapedView(view, shape);
      if (next === undefined) return undefined;
      view = next;
    } else if (!sortStep(rules, step, inputs, view, grouping)) {
      return undefined;
    }
  }
  return rules;
}

/** Adds one step to the rules; false where they cannot hold it. */
function sortStep(
  rules: ScoreRules,
  step: Exclude<Step, { op: 'reshape' | 'reshape_to' }>,
  inputs: readonly Tensor[],
  view: ScoreView,
  grouping: Grouping,
): boolean {
  const hides = rules.conditions.length > 0 || rules.causal !== undefined;
  const plain = !hides && rules.biases.length === 0;
  switch (step.op) {
    case 'scale':
      if (hides && step.by <= 0) return false;
      rules.softmaxScale *= step.by;
      rules.logitsSoftCap *= step.by;
      if (rules.conditions.length > 0) rules.fill *= step.by;
      rules.biases = rules.biases.map((bias) => ({ ...bias, factor: bias.factor * step.by }));
      if (rules.causal !== undefined)
        rules.causal = { ...rules.causal, fill: rules.causal.fill * step.by };
      return rules.logitsSoftCap >= 0;
    case 'multiply':
    case 'divide': {
      const tensor = inputs[step.input];
      if (
        !plain ||
        rules.logitsSoftCap > 0 ||
        tensor.size !== 1 ||
        tensor.rank > view.lead.length + 2
      )
        return false;
      rules.queryFactors.push({ tensor, divide: step.op === 'divide' });
      return true;
    }
    case 'tanh':
      if (!plain || rules.logitsSoftCap > 0) return false;
      rules.logitsSoftCap = 1;
      return true;
    case 'add':
    case 'subtract': {
      const tensor = alignScores(inputs[step.input], view, grouping);
      if (tensor?.dtype !== 'float32') return false;
      if (hides && !(Math.max(rules.fill, rules.causal?.fill ?? -Infinity) <= SWALLOWS))
        return false;
      rules.biases.push({ tensor, factor: step.op === 'add' ? 1 : -1 });
      return true;
    }
    case 'select': {
      const tensor = alignScores(expanded(inputs[step.input], step.expand), view, grouping);
      if (tensor?.dtype !== 'bool' || !(step.fill <= HIDES)) return false;
      if (rules.conditions.length > 0 && rules.fill !== step.fill) return false;
      rules.conditions.push({ tensor, keep: step.keep });
      rules.fill = step.fill;
      return true;
    }
    case 'causal':
      checkBand(step, [view.tokens, view.keys]);
      if (rules.causal !== undefined) return false;
      rules.causal = step;
      return true;
  }
}

function reshapedView(
  { lead, tokens, keys }: ScoreView,
  shape: readonly number[],
): ScoreView | undefined {
  const size = (axes: readonly number[]) => axes.reduce((product, axis) => product * axis, 1);
  const total = size(lead) * tokens * keys;
  const known = size(shape.filter((axis) => axis !== -1));
  const whole = shape.map((axis) => (axis === -1 ? total / known : axis));
  const keeps = whole.at(-2) === tokens && whole.at(-1) === keys && size(whole) === total;
  return keeps ? { lead: whole.slice(0, -2), tokens, keys } : undefined;
}
