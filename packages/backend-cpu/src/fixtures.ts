// Random attention problems with their float64 answers, for the tests of this package.
import * as tf from '@tensorflow/tfjs-core';
import {
  flashAttention,
  FullAttentionSpec,
  KvCache,
  pagedAttention,
  planAttention,
  reshapeAndCache,
  type AttentionOptions,
  type AttentionResult,
  type FlashAttentionOptions,
  type KvCacheDtype,
} from '@tfjs-attention/core';
import { referenceAttention, type ReferenceResult } from '@tfjs-attention/core/reference';
import { describeDense } from '../../core/src/problem/dense.js';
import { describePaged } from '../../core/src/problem/paged.js';

/** Deterministic numbers in [0, 1) (xorshift32). Without globals, which are slow inside jest. */
export function randomSource(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Roughly normal. */
export function randomTensor(shape: number[], random: () => number): tf.Tensor {
  const size = shape.reduce((product, axis) => product * axis, 1);
  const values = Float32Array.from({ length: size }, () => {
    return (random() + random() + random() + random() - 2) * 1.7;
  });
  return tf.tensor(values, shape);
}

const lanes = (x: tf.Tensor, heads: number, size: number) => {
  const data = x.dataSync();
  return (row: number, head: number, lane: number) => data[(row * heads + head) * size + lane];
};

const operandValues = (tensors: Readonly<Record<string, tf.Tensor>>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, x]) => [name, x.dataSync()]));

export interface Outcome {
  actual: AttentionResult;
  wanted: ReferenceResult;
}

/** Dense attention of 'bsnh' tensors and its answer. */
export function denseOutcome(
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  options: FlashAttentionOptions,
): Outcome {
  const { problem, tensors } = describeDense('test', q, k, v, options);
  const [, tokens, heads, size] = k.shape as number[];
  const valueSize = v.shape[3] as number;
  const keyAt = lanes(k, heads, size);
  const valueAt = lanes(v, heads, valueSize);
  const wanted = referenceAttention(problem, {
    ...operandValues(tensors),
    q: q.dataSync(),
    key: (b, j, head, lane) => keyAt(b * tokens + j, head, lane),
    value: (b, j, head, lane) => valueAt(b * tokens + j, head, lane),
  });
  const actual = flashAttention(q, k, v, { ...options, returnLse: true, implementation: 'FUSED' });
  return { actual, wanted };
}

export interface PagedCase {
  numHeads: number;
  numKvHeads: number;
  headSize: number;
  valueHeadSize?: number;
  blockSize: number;
  dtype: KvCacheDtype;
  queryLens: number[];
  seqLens: number[];
  options?: AttentionOptions;
  kScale?: number | Float32Array;
  vScale?: number | Float32Array;
}

/** A filled cache, a plan for the last queries of each sequence, and q. Physical blocks are shuffled, block 0 unused. */
export function pagedSetup(spec: PagedCase, random: () => number) {
  const { numKvHeads, numHeads, headSize, blockSize, seqLens, queryLens, dtype } = spec;
  const valueHeadSize = spec.valueHeadSize ?? headSize;
  const blocks = seqLens.map((length) => Math.ceil(length / blockSize));
  const numBlocks = blocks.reduce((sum, count) => sum + count, 1);
  const free = Array.from({ length: numBlocks - 1 }, (_, i) => i + 1);
  for (let i = free.length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1));
    [free[i], free[other]] = [free[other], free[i]];
  }
  const blockTables = blocks.map((count) => free.splice(0, count));
  const slotOf = (b: number, j: number) =>
    blockTables[b][Math.floor(j / blockSize)] * blockSize + (j % blockSize);
  const slots = seqLens.flatMap((length, b) => Array.from({ length }, (_, j) => slotOf(b, j)));
  const cache = new KvCache(
    new FullAttentionSpec({ blockSize, numKvHeads, headSize, valueHeadSize }),
    { numBlocks, dtype, kScale: spec.kScale, vScale: spec.vScale },
  );
  if (slots.length > 0) {
    const fill = planAttention({
      queryStartLoc: Int32Array.of(0, slots.length),
      seqLens: Int32Array.of(slots.length),
      blockTables: [Array.from({ length: Math.ceil(slots.length / blockSize) }, () => 1)],
      slotMapping: Int32Array.from(slots),
    });
    const k = randomTensor([slots.length, numKvHeads, headSize], random);
    const v = randomTensor([slots.length, numKvHeads, valueHeadSize], random);
    reshapeAndCache(k, v, cache, fill);
    fill.dispose();
    tf.dispose([k, v]);
  }
  const starts = [0];
  for (const length of queryLens) starts.push(starts[starts.length - 1] + length);
  const plan = planAttention({
    queryStartLoc: Int32Array.from(starts),
    seqLens: Int32Array.from(seqLens),
    blockTables,
  });
  const q = randomTensor([plan.numTokens, numHeads, headSize], random);
  return { cache, plan, q, slotOf };
}

/** Paged attention and its answer over what the cache really stores. */
export function pagedOutcome(spec: PagedCase, random: () => number): Outcome {
  const { cache, plan, q, slotOf } = pagedSetup(spec, random);
  const { numKvHeads, headSize, valueHeadSize = headSize } = spec;
  const options = { causal: true, ...spec.options };
  const { problem, tensors } = describePaged('test', q, cache.layout, plan, options);
  const stored = cache.toTensors();
  const keyAt = lanes(stored.key, numKvHeads, headSize);
  const valueAt = lanes(stored.value, numKvHeads, valueHeadSize);
  const wanted = referenceAttention(problem, {
    ...operandValues(tensors),
    q: q.dataSync(),
    key: (b, j, head, lane) => keyAt(slotOf(b, j), head, lane),
    value: (b, j, head, lane) => valueAt(slotOf(b, j), head, lane),
  });
  const actual = pagedAttention(q, cache, plan, {
    ...options,
    returnLse: true,
    implementation: 'FUSED',
  });
  plan.dispose();
  cache.dispose();
  return { actual, wanted };
}

/** Largest difference, relative to the largest wanted magnitude; Infinities must agree. */
export function worstError({ actual, wanted }: Outcome): number {
  const error = (values: ArrayLike<number>, right: Float64Array) => {
    let worst = 0;
    let most = 1;
    for (let i = 0; i < right.length; i++) {
      if (Number.isFinite(right[i])) most = Math.max(most, Math.abs(right[i]));
      if (values[i] === right[i] || (Number.isNaN(values[i]) && Number.isNaN(right[i]))) continue;
      const difference = Math.abs(values[i] - right[i]);
      worst = Math.max(worst, Number.isNaN(difference) ? Infinity : difference);
    }
    return values.length === right.length ? worst / most : Infinity;
  };
  return Math.max(
    error(actual.output.dataSync(), wanted.output),
    error(actual.lse.dataSync(), wanted.lse),
  );
}
