import {
  add,
  cast,
  div,
  getBackend,
  logicalAnd,
  logicalNot,
  mul,
  reshape,
  sub,
  type Tensor,
} from '@tensorflow/tfjs-core';
import {
  flashAttention,
  type FlashAttentionOptions,
  type Implementation,
} from '@tfjs-attention/core';
import { HIDES } from '../match/context.js';
import type { AttentionProgram } from '../program/program.js';
import { bandMask } from './band_mask.js';
import { groupHeads, inLayout, leavesAs, liesIn, outOfLayout, type Layout } from './layout.js';
import { sortSteps, type CausalStep, type ScoreRules } from './score_rules.js';
import { viewOf, viewShape } from './views.js';

/** A call of core's dense op that computes what the program says. */
export interface FusedCall {
  /** Length of the score matrix of one head. */
  tokens: number;
  keys: number;
  /** B * N * T * S. */
  scores: number;
  headSize: number;
  run: (implementation: Implementation) => Tensor;
}

/** `undefined` where shapes or steps are none that core's op takes; the graph's own ops then serve. */
export function planFused(
  program: AttentionProgram,
  inputs: readonly Tensor[],
): FusedCall | undefined {
  const query = viewOf(inputs[0], program.query);
  const key = viewOf(inputs[1], program.key);
  const value = viewOf(inputs[2], program.value);
  const [queryShape, keyShape, valueShape] = [query, key, value].map(viewShape);
  const [lead, tokens, headSize] = [queryShape.slice(0, -2), ...queryShape.slice(-2)] as [
    number[],
    number,
    number,
  ];
  const keys = keyShape.at(-2) ?? 0;
  const grouping = groupHeads(lead, keyShape.slice(0, -2), key.repeat);
  const alike =
    valueShape.slice(0, -1).join() === keyShape.slice(0, -1).join() &&
    value.repeat === key.repeat &&
    keyShape.at(-1) === headSize &&
    [query, key, value].every(({ tensor }) => tensor.dtype === 'float32' && tensor.size > 0);
  if (grouping === undefined || !alike) return undefined;
  const rules = sortSteps(program, inputs, { lead, tokens, keys }, grouping);
  const options = rules === undefined ? undefined : optionsOf(rules, tokens, keys);
  if (rules === undefined || options === undefined) return undefined;

  const { batch, heads, kvHeads } = grouping;
  const shape = [...lead, tokens, valueShape.at(-1) ?? 0];
  const out = program.out ?? shape.map((_, axis) => axis);
  const moves = (layout: Layout) =>
    [query, key, value].filter((view) => !liesIn(view, grouping, layout)).length +
    (leavesAs(out, grouping, layout) ? 0 : 1);
  const layout = moves('bsnh') < moves('bnsh') ? 'bsnh' : 'bnsh';
  return {
    tokens,
    keys,
    headSize,
    scores: batch * heads * tokens * keys,
    run(implementation) {
      const q = rules.queryFactors.reduce(
        (x, { tensor, divide }) => (divide ? div : mul)(x, reshape(tensor, [])),
        inLayout(query, grouping, heads, layout),
      );
      const k = inLayout(key, grouping, kvHeads, layout);
      const v = inLayout(value, grouping, kvHeads, layout);
      const result = flashAttention(q, k, v, {
        ...options(),
        layout,
        implementation,
        returnLse: false,
      });
      return outOfLayout(result, shape, out, grouping, layout);
    },
  };
}

/** Options of core's op, as a function so that nothing is computed before it is known to be used. */
function optionsOf(
  rules: ScoreRules,
  tokens: number,
  keys: number,
): (() => FlashAttentionOptions) | undefined {
  const { softmaxScale, logitsSoftCap, causal } = rules;
  const lastFirst = tokens - 1 + (causal?.offset ?? 0) - (causal?.left ?? Infinity);
  const asBand = causal === undefined || (lastFirst < keys && everyRowSees(rules, causal));
  // A row that sees no key is the mean of what its fills leave, so both rules must fill alike and act as one.
  if (!asBand && rules.conditions.length > 0 && rules.fill !== causal.fill) return undefined;
  return () => {
    const band: FlashAttentionOptions =
      causal === undefined || !asBand
        ? {}
        : {
            causal: true,
            queryOffset: causal.offset,
            ...(causal.left === undefined ? {} : { windowLeft: causal.left }),
          };
    const conditions = rules.conditions.map(({ tensor, keep }) =>
      keep ? tensor : logicalNot(tensor),
    );
    if (causal !== undefined && !asBand) conditions.push(bandMask(causal, [tokens, keys]));
    const fill = causal !== undefined && !asBand ? causal.fill : rules.fill;
    const visible =
      conditions.length === 0 ? undefined : conditions.reduce((a, b) => logicalAnd(a, b));
    const biases = rules.biases.map(({ tensor, factor }) =>
      factor === 1 ? tensor : mul(tensor, factor),
    );
    if (visible !== undefined && fill !== -Infinity) biases.push(fillBias(visible, fill));
    return {
      softmaxScale,
      ...(logitsSoftCap === 0 ? {} : { logitsSoftCap }),
      ...band,
      ...(visible !== undefined && fill === -Infinity ? { mask: visible } : {}),
      ...(biases.length === 0 ? {} : { bias: biases.reduce((a, b) => add(a, b)) }),
    };
  };
}

/** Large enough to swallow every score, so that a row of fills is uniform; small enough to stay finite in the kernels. */
const LEAST_BIAS = -1e30;
const SWALLOWS = -1e8;

/** 0 where a key is seen; elsewhere what makes its score the fill. */
function fillBias(visible: Tensor, fill: number): Tensor {
  const least = fill <= SWALLOWS ? Math.max(fill, LEAST_BIAS) : LEAST_BIAS;
  return mul(sub(1, cast(visible, 'float32')), least);
}

/** tfjs backends whose tensors can be looked at without waiting for a device. */
const READABLE = ['cpu', 'wasm', 'tensorflow'];

/**
 * Whether the causal rule may skip tiles: every query sees at least key 0, so that no row is made of fills alone. Such rows
 * depend on what the skipped scores were filled with.
 */
function everyRowSees(rules: ScoreRules, causal: CausalStep): boolean {
  if (rules.biases.length + rules.conditions.length === 0) return true;
  if (causal.left !== undefined || !READABLE.includes(getBackend())) return false;
  const firstKeys = (tensor: Tensor, isVisible: (value: number) => boolean) => {
    const values = tensor.dataSync();
    const width = tensor.shape.at(-1) ?? 1;
    for (let i = 0; i < values.length; i += width) if (!isVisible(values[i])) return false;
    return true;
  };
  return (
    rules.conditions.every(({ tensor, keep }) => firstKeys(tensor, (x) => (x !== 0) === keep)) &&
    rules.biases.every(({ tensor, factor }) => firstKeys(tensor, (x) => x * factor > HIDES))
  );
}
