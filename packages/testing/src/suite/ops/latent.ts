import * as tf from '@tensorflow/tfjs-core';
import {
  KvCache,
  MLAAttentionSpec,
  planAttention,
  type AttentionPlan,
  type KvCacheDtype,
} from '@tfjs-attention/core';
import { describePaged } from '@tfjs-attention/core/reference';
import { layBlocks, prefixSums, slotsOf } from '../paged_case.js';
import { normals, randomFrom, shuffled } from '../random.js';
import { expectedOf, type Expected } from '../tolerance.js';

/** Latent keys of some sequences, of which each token of each query sees its own choice. */
export interface LatentCase {
  readonly name: string;
  readonly seqLens: readonly number[];
  /** Query tokens of each sequence. */
  readonly queries: number;
  readonly heads: number;
  readonly blockSize: number;
  /** H and Hv; default 576 and 512. */
  readonly size?: readonly [number, number];
  readonly dtype?: KvCacheDtype;
  readonly topk: number;
}

/** A case's numbers. `chosen` are positions in the token's own sequence, -1 for none. */
export interface LatentData {
  readonly size: readonly [number, number];
  readonly blockTables: Int32Array;
  readonly rows: readonly (readonly number[])[];
  readonly numBlocks: number;
  readonly kv: Float32Array;
  readonly slots: Int32Array;
  readonly q: Float32Array;
  readonly reqId: Int32Array;
  readonly chosen: Int32Array;
}

export function makeLatent(c: LatentCase): LatentData {
  const size = c.size ?? [576, 512];
  const random = randomFrom(c.name);
  const { blockTables, numBlocks } = layBlocks(random, c.seqLens, c.blockSize);
  const width = blockTables.length / c.seqLens.length;
  const keys = c.seqLens.reduce((sum, length) => sum + length, 0);
  const tokens = c.seqLens.length * c.queries;
  const reqId = Int32Array.from({ length: tokens }, (_, t) => Math.floor(t / c.queries));
  const chosen = new Int32Array(tokens * c.topk).fill(-1);
  reqId.forEach((b, t) => {
    const order = shuffled(random, c.seqLens[b]);
    for (let i = 0; i < c.topk; i++) {
      // Every fifth place is left free, wherever it is.
      if (i < order.length && (t + i) % 5 !== 4) chosen[t * c.topk + i] = order[i];
    }
  });
  return {
    size,
    blockTables,
    rows: c.seqLens.map((length, b) =>
      Array.from(blockTables.subarray(b * width, b * width + Math.ceil(length / c.blockSize))),
    ),
    numBlocks,
    kv: normals(random, keys * size[0]),
    slots: slotsOf(c.seqLens, blockTables, c.blockSize),
    q: normals(random, tokens * c.heads * size[0]),
    reqId,
    chosen,
  };
}

export function latentCache(c: LatentCase, { size, numBlocks }: LatentData): KvCache {
  const { blockSize, dtype } = c;
  const [headSize, valueHeadSize] = size;
  const spec = new MLAAttentionSpec({ blockSize, numKvHeads: 1, headSize, valueHeadSize });
  return new KvCache(spec, { numBlocks, dtype });
}

/** The oracle over chosen rows of `kv` `[keys, H]`, which is what the cache reads back. */
export function expectedChosen(
  c: LatentCase,
  { size: [headSize, valueHeadSize], q, reqId, chosen }: LatentData,
  kv: ArrayLike<number>,
  softmaxScale?: number,
): Expected {
  const first = prefixSums(c.seqLens);
  const lists = Array.from(reqId, (b, t) =>
    Array.from(chosen.subarray(t * c.topk, (t + 1) * c.topk))
      .filter((position) => position >= 0)
      .map((position) => first[b] + position),
  );
  const plan = planAttention({
    queryStartLoc: prefixSums(lists.map(() => 1)),
    seqLens: Int32Array.from(lists, (list) => list.length),
    blockTables: lists,
  });
  const layout = {
    numBlocks: 2 ** 20,
    blockSize: 1,
    numKvHeads: 1,
    headSize,
    valueHeadSize,
    dtype: 'float32',
    kScale: 1,
    vScale: 1,
  } as const;
  const queries = tf.tensor3d(q, [lists.length, c.heads, headSize]);
  const { problem } = describePaged('conformance', queries, layout, plan, {
    causal: false,
    ...(softmaxScale !== undefined && { softmaxScale }),
  });
  const read = (t: number, j: number, _head: number, lane: number) =>
    kv[lists[t][j] * headSize + lane];
  return expectedOf(problem, { q, key: read, value: read });
}

/** Tokens of whole sequences, for dense latent attention. */
export function latentPlan(c: LatentCase, { blockTables }: LatentData): AttentionPlan {
  return planAttention({
    queryStartLoc: prefixSums(c.seqLens.map(() => c.queries)),
    seqLens: Int32Array.from(c.seqLens),
    blockTables,
  });
}
