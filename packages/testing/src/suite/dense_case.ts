import * as tf from '@tensorflow/tfjs-core';
import { flashAttention, type FlashAttentionOptions } from '@tfjs-attention/core';
import { describeDense, type ReferenceInputs } from '@tfjs-attention/core/reference';
import { normals, randomFrom } from './random.js';
import { makeFeatures, sequenceRules, type ScoreFeatures } from './score_features.js';
import { inScope } from './in_scope.js';
import { readState, type StateValues } from './read_state.js';
import { implementationOf, type Spec, type Subject } from './subject.js';
import { assertExpected, expectedOf, type Expected } from './tolerance.js';

/** A dense call as data. */
export interface DenseCase {
  readonly name: string;
  /** Default 'bsnh'. */
  readonly layout?: 'bsnh' | 'bnsh';
  /** Default 1. */
  readonly batch?: number;
  readonly queryLen: number;
  readonly keys: number;
  /** [N, K]; default [2, 2]. */
  readonly heads?: readonly [number, number];
  /** [H, Hv]; default [8, 8]. */
  readonly size?: readonly [number, number];
  readonly kvLens?: readonly number[];
  readonly queryOffset?: number | readonly number[];
  readonly features?: ScoreFeatures;
  /** Keys whose K becomes NaN, and whose V becomes Infinity in every second lane, in every sequence and head. */
  readonly poison?: readonly number[];
}

/** A case with its numbers. */
export interface DenseData {
  readonly q: tf.Tensor;
  readonly k: tf.Tensor;
  readonly v: tf.Tensor;
  readonly options: FlashAttentionOptions;
  readonly inputs: ReferenceInputs;
}

/** Makes a case's tensors; call it inside a scope. */
export function makeDense(c: DenseCase): DenseData {
  const { layout = 'bsnh', batch = 1, queryLen, keys } = c;
  const [numHeads, numKvHeads] = c.heads ?? [2, 2];
  const [headSize, valueHeadSize] = c.size ?? [8, 8];
  const random = randomFrom(c.name);
  const shape = (tokens: number, heads: number, size: number) =>
    layout === 'bsnh' ? [batch, tokens, heads, size] : [batch, heads, tokens, size];
  const at = (heads: number, size: number) => (b: number, j: number, head: number, lane: number) =>
    (layout === 'bsnh' ? (b * keys + j) * heads + head : (b * heads + head) * keys + j) * size +
    lane;
  const kAt = at(numKvHeads, headSize);
  const vAt = at(numKvHeads, valueHeadSize);

  const q = normals(random, batch * queryLen * numHeads * headSize);
  const k = normals(random, batch * keys * numKvHeads * headSize);
  const v = normals(random, batch * keys * numKvHeads * valueHeadSize);
  for (let b = 0; b < batch; b++) {
    for (const j of c.poison ?? []) {
      for (let head = 0; head < numKvHeads; head++) {
        for (let lane = 0; lane < headSize; lane++) k[kAt(b, j, head, lane)] = NaN;
        for (let lane = 0; lane < valueHeadSize; lane += 2) v[vAt(b, j, head, lane)] = Infinity;
      }
    }
  }
  const { features = {} } = c;
  const made = makeFeatures(features, { B: batch, N: numHeads, T: queryLen, S: keys }, random);
  const { queryOffset } = c;
  return {
    q: tf.tensor(q, shape(queryLen, numHeads, headSize)),
    k: tf.tensor(k, shape(keys, numKvHeads, headSize)),
    v: tf.tensor(v, shape(keys, numKvHeads, valueHeadSize)),
    options: {
      ...made.options,
      ...sequenceRules(features, batch),
      layout,
      ...(c.kvLens && { kvLens: Int32Array.from(c.kvLens) }),
      ...(queryOffset !== undefined && {
        queryOffset: typeof queryOffset === 'number' ? queryOffset : Int32Array.from(queryOffset),
      }),
    },
    inputs: {
      q,
      key: (b, j, head, lane) => k[kAt(b, j, head, lane)],
      value: (b, j, head, lane) => v[vAt(b, j, head, lane)],
      ...made.host,
    },
  };
}

const known = new Map<string, Expected>();

/** The oracle's answer, computed once for all subjects of a process. */
export function expectedDense(c: DenseCase, { q, k, v, options, inputs }: DenseData): Expected {
  const key = JSON.stringify(c);
  const found = known.get(key);
  if (found !== undefined) return found;
  const expected = expectedOf(describeDense('conformance', q, k, v, options).problem, inputs);
  known.set(key, expected);
  return expected;
}

/** Runs the op on made data, reading output and lse back. */
export function runDense(
  { q, k, v }: Pick<DenseData, 'q' | 'k' | 'v'>,
  options: FlashAttentionOptions,
  subject: Subject,
): Promise<StateValues> {
  const implementation = implementationOf(subject);
  return readState(flashAttention(q, k, v, { ...options, implementation, returnLse: true }));
}

export function denseSpec(c: DenseCase): Spec {
  return {
    name: c.name,
    run: (subject) =>
      inScope(async () => {
        const data = makeDense(c);
        assertExpected(await runDense(data, data.options, subject), expectedDense(c, data));
      }),
  };
}
