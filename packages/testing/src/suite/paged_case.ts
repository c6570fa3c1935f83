import * as tf from '@tensorflow/tfjs-core';
import type { HostKvBlocks } from '@tfjs-attention/core';
import {
  FullAttentionSpec,
  KvCache,
  pagedAttention,
  planAttention,
  reshapeAndCache,
  type AttentionPlan,
  type KvCacheDtype,
} from '@tfjs-attention/core';
import { describePaged } from '@tfjs-attention/core/reference';
import { fillCache, readCache, twinOf } from './cache_bytes.js';
import { assertSameBytes } from './cache_bytes.js';
import { spreadTokens } from './judged_rows.js';
import { normals, randomFrom, shuffled, type Random } from './random.js';
import {
  inTurn,
  makeFeatures,
  sequenceRules,
  type MadeFeatures,
  type ScoreFeatures,
} from './score_features.js';
import { inScope, writeTwin } from './in_scope.js';
import { readState, type StateValues } from './read_state.js';
import { implementationOf, type Spec, type Subject } from './subject.js';
import { assertExpected, expectedOf, type Expected } from './tolerance.js';

/** A step over a paged cache as data: sequence b has seqLens[b] keys, the last queryLens[b] of them new. */
export interface PagedCase {
  readonly name: string;
  readonly queryLens: readonly number[];
  readonly seqLens: readonly number[];
  readonly blockSize: number;
  /** [N, K]; default [4, 2]. */
  readonly heads?: readonly [number, number];
  /** [H, Hv]; default [8, 8]. */
  readonly size?: readonly [number, number];
  readonly queryOffset?: readonly number[];
  /** Default 'float32'. */
  readonly dtype?: KvCacheDtype;
  /** A number, or one a KV head. */
  readonly kScale?: number | readonly number[];
  readonly vScale?: number | readonly number[];
  readonly features?: ScoreFeatures;
  /** The oracle judges at most so many query tokens of a sequence; default all. For long sequences. */
  readonly judgedTokens?: number;
}

/** A case with its numbers, before anything is on a backend. */
export interface PagedData {
  readonly plan: AttentionPlan;
  /** Writes every key of every sequence. */
  readonly writePlan: AttentionPlan;
  readonly numBlocks: number;
  readonly q: tf.Tensor3D;
  readonly k: tf.Tensor3D;
  readonly v: tf.Tensor3D;
  readonly made: MadeFeatures;
}

/** Never read by anyone: past a sequence's blocks, tables may hold whatever. */
const GARBAGE_BLOCK = 2 ** 31 - 1;

export function prefixSums(lengths: readonly number[]): Int32Array {
  const sums = new Int32Array(lengths.length + 1);
  lengths.forEach((length, i) => (sums[i + 1] = sums[i] + length));
  return sums;
}

/** Block tables over shuffled physical blocks; block 0 stays out of them. */
export function layBlocks(
  random: Random,
  seqLens: readonly number[],
  blockSize: number,
): { blockTables: Int32Array; numBlocks: number } {
  const counts = seqLens.map((length) => Math.ceil(length / blockSize));
  const width = Math.max(1, ...counts) + 1;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const order = shuffled(random, total + 2);
  const blockTables = new Int32Array(seqLens.length * width).fill(GARBAGE_BLOCK);
  let next = 0;
  counts.forEach((count, b) => {
    for (let i = 0; i < count; i++) blockTables[b * width + i] = order[next++] + 1;
  });
  return { blockTables, numBlocks: total + 3 };
}

/** Slot of every key of every sequence, packed. */
export function slotsOf(
  seqLens: readonly number[],
  blockTables: Int32Array,
  blockSize: number,
): Int32Array {
  const width = blockTables.length / seqLens.length;
  return Int32Array.from(
    seqLens.flatMap((length, b) =>
      Array.from({ length }, (_, j) => {
        const block = blockTables[b * width + Math.floor(j / blockSize)];
        return block * blockSize + (j % blockSize);
      }),
    ),
  );
}

/** Makes a case's tensors and plans; call it inside a scope. */
export function makePaged(c: PagedCase): PagedData {
  const { queryLens, seqLens, blockSize, features = {} } = c;
  const [numHeads, numKvHeads] = c.heads ?? [4, 2];
  const [headSize, valueHeadSize] = c.size ?? [8, 8];
  const random = randomFrom(c.name);
  const { blockTables, numBlocks } = layBlocks(random, seqLens, blockSize);
  const lengths = Int32Array.from(seqLens);
  const numTokens = queryLens.reduce((sum, length) => sum + length, 0);
  const numKeys = seqLens.reduce((sum, length) => sum + length, 0);
  const draw = (tokens: number, heads: number, size: number) =>
    tf.tensor3d(normals(random, tokens * heads * size), [tokens, heads, size]);
  return {
    numBlocks,
    plan: planAttention({
      queryStartLoc: prefixSums(queryLens),
      seqLens: lengths,
      blockTables,
      ...(c.queryOffset && { queryOffset: Int32Array.from(c.queryOffset) }),
      ...sequenceRules(features, seqLens.length),
      ...(features.causalSeqs && { causal: inTurn(features.causalSeqs, seqLens.length) }),
    }),
    writePlan: planAttention({
      queryStartLoc: prefixSums(seqLens),
      seqLens: lengths,
      blockTables,
      slotMapping: slotsOf(seqLens, blockTables, blockSize),
    }),
    q: draw(numTokens, numHeads, headSize),
    k: draw(numKeys, numKvHeads, headSize),
    v: draw(numKeys, numKvHeads, valueHeadSize),
    made: makeFeatures(
      features,
      { B: 1, N: numHeads, T: numTokens, S: Math.max(...seqLens) },
      random,
    ),
  };
}

export function makeCache(c: PagedCase, numBlocks: number): KvCache {
  const [, numKvHeads] = c.heads ?? [4, 2];
  const [headSize, valueHeadSize] = c.size ?? [8, 8];
  const scale = (value: PagedCase['kScale']) =>
    typeof value === 'object' ? Float32Array.from(value) : value;
  const spec = new FullAttentionSpec({
    blockSize: c.blockSize,
    numKvHeads,
    headSize,
    valueHeadSize,
  });
  return new KvCache(spec, {
    numBlocks,
    dtype: c.dtype,
    ...(c.kScale !== undefined && { kScale: scale(c.kScale) }),
    ...(c.vScale !== undefined && { vScale: scale(c.vScale) }),
  });
}

const known = new Map<string, Expected>();

/** The oracle over the dequantised values that the twin holds. */
export async function expectedPaged(
  c: PagedCase,
  data: PagedData,
  twin: HostKvBlocks,
): Promise<Expected> {
  const key = JSON.stringify(c);
  const found = known.get(key);
  if (found !== undefined) return found;
  const { writePlan, plan, q, made } = data;
  const slots = writePlan.slotMapping as Int32Array;
  const [keys, values] = twin.storage.gather(slots).map((x) => x.dataSync());
  const { numKvHeads, headSize, valueHeadSize } = twin.layout;
  const { problem } = describePaged('conformance', q, twin.layout, plan, {
    causal: true,
    ...made.options,
  });
  const first = prefixSums(c.seqLens);
  const expected = expectedOf(
    problem,
    {
      q: await q.data(),
      key: (b, j, head, lane) => keys[((first[b] + j) * numKvHeads + head) * headSize + lane],
      value: (b, j, head, lane) =>
        values[((first[b] + j) * numKvHeads + head) * valueHeadSize + lane],
      ...made.host,
    },
    c.judgedTokens === undefined ? undefined : spreadTokens(c.queryLens, c.judgedTokens),
  );
  known.set(key, expected);
  return expected;
}

/** Runs the op, reading output and lse back. */
export function runPaged(
  data: Pick<PagedData, 'q' | 'plan' | 'made'>,
  cache: KvCache,
  subject: Subject,
): Promise<StateValues> {
  const implementation = implementationOf(subject);
  const options = { ...data.made.options, implementation, returnLse: true } as const;
  return readState(pagedAttention(data.q, cache, data.plan, options));
}

/**
 * Fills a cache with bytes that read as NaN where the type has one, writes the keys, compares every stored byte with
 * core's host storage, then attends.
 */
export function pagedSpec(c: PagedCase): Spec {
  return {
    name: c.name,
    run: (subject) =>
      inScope(async () => {
        const data = makePaged(c);
        const cache = makeCache(c, data.numBlocks);
        try {
          const twin = twinOf(cache);
          await fillCache(cache, twin, 0xff);
          const { k, v, writePlan } = data;
          reshapeAndCache(k, v, cache, writePlan);
          await writeTwin(twin, k, v, writePlan.slotMapping as Int32Array);
          assertSameBytes(cache.layout, await readCache(cache), await readCache(twin));
          assertExpected(await runPaged(data, cache, subject), await expectedPaged(c, data, twin));
        } finally {
          cache.dispose();
          data.plan.dispose();
          data.writePlan.dispose();
        }
      }),
  };
}
