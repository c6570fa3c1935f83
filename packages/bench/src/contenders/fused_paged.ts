import {
  FullAttentionSpec,
  KvCache,
  pagedAttention,
  planAttention,
  reshapeAndCache,
  type KvCacheDtype,
} from '@tfjs-attention/core';
import * as tf from '@tensorflow/tfjs-core';
import { BLOCK_SIZE, type Cell } from '../grid.js';
import type { Inputs } from '../inputs.js';
import { scaleOf } from '../stored.js';
import { tokenMajorRow, type Runner } from './contender.js';

/** Tokens that one call writes while the cache is filled. */
const CHUNK = 2048;

/**
 * A step of one layer: `reshapeAndCache` of the new tokens, then `pagedAttention` over the whole cache, whose
 * blocks lie in memory in random order. The plan is made once a step for all layers, hence outside.
 */
export function pagedRunner(cell: Cell, inputs: Inputs, dtype: KvCacheDtype): Runner {
  const { q, k, v, cache, plan, dispose } = openPages(cell, inputs, dtype);
  let output: Float32Array = new Float32Array();
  return {
    run: () => {
      reshapeAndCache(k, v, cache, plan);
      const result = pagedAttention(q, cache, plan);
      output = result.dataSync<'float32'>();
      result.dispose();
    },
    row: (token, head) => tokenMajorRow(output, cell)(token, head),
    dispose,
  };
}

/** A filled cache, the new tokens' tensors and their plan. */
export function openPages(cell: Cell, inputs: Inputs, dtype: KvCacheDtype) {
  const { numHeads, numKvHeads, headSize, queryLen, seqLen } = cell;
  const numBlocks = Math.ceil(seqLen / BLOCK_SIZE);
  const spec = new FullAttentionSpec({ blockSize: BLOCK_SIZE, numKvHeads, headSize });
  const scale = scaleOf(dtype);
  const cache = new KvCache(spec, { numBlocks, dtype, kScale: scale, vScale: scale });
  const table = scattered(numBlocks);
  fill(cache, table, cell, inputs);

  const q = tf.tensor3d(inputs.q, [queryLen, numHeads, headSize]);
  const k = tf.tensor3d(inputs.last('k'), [queryLen, numKvHeads, headSize]);
  const v = tf.tensor3d(inputs.last('v'), [queryLen, numKvHeads, headSize]);
  const plan = planTokens(table, seqLen - queryLen, seqLen);
  return {
    ...{ q, k, v, cache, plan },
    dispose: () => {
      tf.dispose([q, k, v]);
      plan.dispose();
      cache.dispose();
    },
  };
}

/** Writes every token but the query's, which each step writes anew. */
function fill(cache: KvCache, table: Int32Array, cell: Cell, { k, v }: Inputs): void {
  const { numKvHeads, headSize, queryLen, seqLen } = cell;
  const row = numKvHeads * headSize;
  const past = seqLen - queryLen;
  for (let from = 0; from < past; from += CHUNK) {
    const to = Math.min(from + CHUNK, past);
    const plan = planTokens(table, from, to);
    tf.tidy(() => {
      const part = (data: Float32Array) =>
        tf.tensor3d(data.slice(from * row, to * row), [to - from, numKvHeads, headSize]);
      reshapeAndCache(part(k), part(v), cache, plan);
    });
    plan.dispose();
  }
}

/** Tokens from..to-1 of one sequence. */
function planTokens(table: Int32Array, from: number, to: number) {
  return planAttention({
    queryStartLoc: Int32Array.of(0, to - from),
    seqLens: Int32Array.of(to),
    blockTables: table,
    slotMapping: Int32Array.from({ length: to - from }, (_, i) => {
      const at = from + i;
      return table[Math.floor(at / BLOCK_SIZE)] * BLOCK_SIZE + (at % BLOCK_SIZE);
    }),
  });
}

/** Every block once, in an order without runs: multiples of a step that shares no factor with their number. */
export function scattered(numBlocks: number): Int32Array {
  let step = Math.max(1, Math.floor(numBlocks * 0.618));
  while (step > 1 && greatestCommonDivisor(step, numBlocks) > 1) step--;
  return Int32Array.from({ length: numBlocks }, (_, i) => (i * step) % numBlocks);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
