import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { flashAttention, mergeAttnStates, type AttentionResult } from '@tfjs-attention/core';
import { assertWithin } from './assert.js';
import {
  expectedDense,
  makeDense,
  runDense,
  type DenseCase,
  type DenseData,
} from './dense_case.js';
import { inScope } from './in_scope.js';
import { readState } from './read_state.js';
import type { ScoreFeatures } from './score_features.js';
import { implementationOf, type Spec, type Subject } from './subject.js';
import { assertExpected } from './tolerance.js';

const RUNS = 12;

/** Results of two conforming calls may be one tolerance apart from the oracle each, so two from one another. */
export const TWO_RESULTS = 2;

const dimensions = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  queryLen: fc.integer({ min: 1, max: 9 }),
  keys: fc.integer({ min: 2, max: 70 }),
  kvHeads: fc.integer({ min: 1, max: 3 }),
  group: fc.integer({ min: 1, max: 3 }),
  headSize: fc.integer({ min: 1, max: 20 }),
  valueHeadSize: fc.integer({ min: 1, max: 20 }),
  layout: fc.constantFrom('bsnh' as const, 'bnsh' as const),
});

const positional: fc.Arbitrary<ScoreFeatures> = fc.oneof(
  fc.constant({}),
  fc.constant({ causal: true }),
  fc.integer({ min: 1, max: 12 }).map((slidingWindow) => ({ slidingWindow, causal: true })),
  fc.constant({ logitsSoftCap: 2, causal: true }),
);

type Dimensions = typeof dimensions extends fc.Arbitrary<infer T> ? T : never;

function caseOf(name: string, d: Dimensions, features: ScoreFeatures): DenseCase {
  return {
    name: `${name} ${JSON.stringify({ ...d, features })}`,
    layout: d.layout,
    batch: d.batch,
    queryLen: d.queryLen,
    keys: d.keys,
    heads: [d.kvHeads * d.group, d.kvHeads],
    size: [d.headSize, d.valueHeadSize],
    features,
  };
}

/** A law over random shapes and bands: `check` gets a case and its data, made inside a scope. */
function law(
  name: string,
  check: (c: DenseCase, data: DenseData, subject: Subject, pick: number) => Promise<void>,
): Spec {
  return {
    name,
    run: (subject) =>
      fc.assert(
        fc.asyncProperty(dimensions, positional, fc.nat(), (d, features, pick) => {
          const c = caseOf(name, d, features);
          return inScope(() => check(c, makeDense(c), subject, pick));
        }),
        { numRuns: RUNS, seed: 1 },
      ),
  };
}

const tokenAxis = (c: DenseCase) => (c.layout === 'bnsh' ? 2 : 1);

/** Tokens [from, to) of a dense tensor. */
function slice(x: tf.Tensor, axis: number, from: number, to: number): tf.Tensor {
  const begin = x.shape.map((_, i) => (i === axis ? from : 0));
  return tf.slice(x, begin, x.shape.map((size, i) => (i === axis ? to - from : size))); // prettier-ignore
}

/** Attention over the keys [from, to) alone, at their own positions. */
function overKeys(
  c: DenseCase,
  data: DenseData,
  subject: Subject,
  from: number,
  to: number,
): AttentionResult {
  const axis = tokenAxis(c);
  return flashAttention(data.q, slice(data.k, axis, from, to), slice(data.v, axis, from, to), {
    ...data.options,
    queryOffset: c.keys - c.queryLen - from,
    implementation: implementationOf(subject),
    returnLse: true,
  });
}

/** Merging takes heads before the last axis. */
function merge(c: DenseCase, a: AttentionResult, b: AttentionResult): AttentionResult {
  if (c.layout !== 'bnsh') return mergeAttnStates(a, b);
  const turn = ({ output, lse }: AttentionResult) => ({
    output: tf.transpose(output, [0, 2, 1, 3]),
    lse: tf.transpose(lse, [0, 2, 1]),
  });
  return turn(mergeAttnStates(turn(a), turn(b)));
}

const splits = law(
  'merging three splits of the keys, in any order = the whole',
  async (c, data, subject, pick) => {
    const first = 1 + (pick % (c.keys - 1));
    const second = first + (Math.floor(pick / c.keys) % (c.keys - first));
    const bounds = [[0, first], [first, Math.max(second, first + 1)], [Math.max(second, first + 1), c.keys]]; // prettier-ignore
    const states = bounds
      .filter(([from, to]) => from < to)
      .map(([from, to]) => overKeys(c, data, subject, from, to));
    if (pick % 2 === 1) states.reverse();
    const merged = states.reduce((a, b) => merge(c, a, b));
    assertExpected(await readState(merged), expectedDense(c, data), TWO_RESULTS);
  },
);

const chunks = law(
  'attending to a prefill in chunks = all at once',
  async (c, data, subject, pick) => {
    const axis = tokenAxis(c);
    const cut = pick % (c.queryLen + 1);
    const offset = c.keys - c.queryLen;
    const parts = [[0, cut], [cut, c.queryLen]] // prettier-ignore
      .filter(([from, to]) => from < to)
      .map(([from, to]) =>
        flashAttention(slice(data.q, axis, from, to), data.k, data.v, {
          ...data.options,
          queryOffset: offset + from,
          implementation: implementationOf(subject),
          returnLse: false,
        }),
      );
    const output = await tf.concat(parts, axis).data();
    assertExpected({ output }, expectedDense(c, data));
  },
);

const groups = law('repeating KV heads = grouped query attention', async (c, data, subject) => {
  const [numHeads, numKvHeads] = c.heads as readonly [number, number];
  const axis = c.layout === 'bnsh' ? 1 : 2;
  const served = tf.tensor1d(
    Array.from({ length: numHeads }, (_, n) => Math.floor((n * numKvHeads) / numHeads)),
    'int32',
  );
  const repeat = (x: tf.Tensor) => tf.gather(x, served, axis);
  const repeated = { q: data.q, k: repeat(data.k), v: repeat(data.v) };
  assertExpected(await runDense(repeated, data.options, subject), expectedDense(c, data));
});

const prefix = law(
  'a range from the first key on = that prefix without causal rule and window',
  async (c, data, subject, pick) => {
    const axis = tokenAxis(c);
    const rows = 1 + (pick % Math.min(c.queryLen, c.keys));
    const [q, k, v] = [data.q, data.k, data.v].map((x) => slice(x, axis, 0, rows));
    const ranges = Array.from({ length: c.batch ?? 1 }, () => [[0, rows - 1]] as const);
    const { output } = flashAttention(data.q, data.k, data.v, {
      ...data.options,
      causal: true,
      queryOffset: 0,
      mmPrefixRanges: ranges,
      implementation: implementationOf(subject),
      returnLse: true,
    });
    const { causal: _, slidingWindow: __, ...options } = data.options;
    const alone = await runDense({ q, k, v }, options, subject);
    const seen = await slice(output, axis, 0, rows).data();
    const { outputTolerance } = expectedDense(c, data);
    assertWithin('output', seen, alone.output, TWO_RESULTS * outputTolerance);
  },
);

/** Two settings of the same call that must agree. */
function sameAs(name: string, change: (c: DenseCase) => Partial<DenseData['options']>): Spec {
  return law(name, async (c, data, subject) => {
    const plain = await runDense(data, data.options, subject);
    const changed = await runDense(data, { ...data.options, ...change(c) }, subject);
    const { outputTolerance, lseTolerance } = expectedDense(c, data);
    assertWithin('output', changed.output, plain.output, TWO_RESULTS * outputTolerance);
    assertWithin('lse', changed.lse, plain.lse, TWO_RESULTS * lseTolerance);
  });
}

export const denseLaws: readonly Spec[] = [
  splits,
  chunks,
  groups,
  prefix,
  sameAs(
    'a window as long as the keys = no further window',
    ({ keys, queryLen, features = {} }) => {
      const length = keys + queryLen;
      return features.slidingWindow === undefined
        ? { windowLeft: length, windowRight: length }
        : {};
    },
  ),
  sameAs('no ranges and prefixes of 0 = neither', ({ batch = 1 }) => ({
    mmPrefixRanges: Array.from({ length: batch }, () => []),
    rswaPrefixLens: new Int32Array(batch),
  })),
  sameAs('sinks of -Infinity = no sinks', ({ heads = [2, 2] }) => ({
    sinks: new Float32Array(heads[0]).fill(-Infinity),
  })),
  sameAs('a soft cap of 0 and a mask of true = neither', ({ features = {} }) => ({
    ...(features.logitsSoftCap === undefined && { logitsSoftCap: 0 }),
    mask: tf.ones([1, 1], 'bool'),
  })),
];
