import * as tf from '@tensorflow/tfjs-core';
import {
  flashAttention,
  FullAttentionSpec,
  KvCache,
  pagedAttention,
  planAttention,
  reshapeAndCache,
} from '@tfjs-attention/core';
import { drain, type Finding } from './gpu.js';

const CALLS = 2_000;
const RUNS = 5;

/** Time of a call as a program sees it that gives many without reading: the longer of host and kernel. */
export function* overhead(): Generator<Finding> {
  const x = tf.ones([16]);
  yield cell('tf.neg of 16 numbers, for comparison', () => tf.neg(x));
  x.dispose();
  yield* writes();
  for (const [batch, length] of [
    [1, 16],
    [1, 1024],
    [1, 8192],
    [8, 8192],
    [64, 8192],
  ]) {
    yield* paged(batch, length);
  }
  for (const tokens of [64, 1024, 4096]) yield dense(tokens);
}

function* writes(): Generator<Finding> {
  const { cache, plan, dispose } = decodeBatch(1, 16);
  const k = tf.ones<tf.Rank.R3>([1, 8, 128]);
  yield cell('reshapeAndCache of one token', () => {
    reshapeAndCache(k, k, cache, plan);
    return undefined;
  });
  k.dispose();
  dispose();
}

function* paged(batch: number, length: number): Generator<Finding> {
  const { cache, plan, dispose } = decodeBatch(batch, length);
  const q = tf.randomNormal<tf.Rank.R3>([batch, 32, 128], 0, 1, 'float32', 1);
  yield cell(`pagedAttention bfloat16 32/8 heads of 128, ${batch}x${length}`, () =>
    pagedAttention(q, cache, plan),
  );
  q.dispose();
  dispose();
}

function dense(tokens: number): Finding {
  const [q, k, v] = [1, 2, 3].map((seed) =>
    tf.randomNormal<tf.Rank.R4>([1, tokens, 16, 128], 0, 1, 'float32', seed),
  );
  const found = cell(`flashAttention float32 16 heads of 128, causal, ${tokens} tokens`, () =>
    flashAttention(q, k, v, { causal: true }),
  );
  tf.dispose([q, k, v]);
  return found;
}

function decodeBatch(batch: number, length: number) {
  const blocks = Math.ceil(length / 16);
  const spec = new FullAttentionSpec({ blockSize: 16, numKvHeads: 8, headSize: 128 });
  const cache = new KvCache(spec, { numBlocks: batch * blocks, dtype: 'bfloat16' });
  const plan = planAttention({
    queryStartLoc: Int32Array.from({ length: batch + 1 }, (_, i) => i),
    seqLens: new Int32Array(batch).fill(length),
    blockTables: Array.from({ length: batch }, (_, b) =>
      Array.from({ length: blocks }, (_, i) => i * batch + b),
    ),
    slotMapping: new Int32Array(batch).fill(0).map((_, b) => b * 16),
  });
  const dispose = () => {
    plan.dispose();
    cache.dispose();
  };
  return { cache, plan, dispose };
}

/** The least of a few medians would flatter: the median of runs, each of many calls and one wait. */
function cell(name: string, call: () => tf.Tensor | undefined): Finding {
  const run = (calls: number) => {
    drain();
    const start = performance.now();
    for (let i = 0; i < calls; i++) call()?.dispose();
    const given = performance.now();
    drain();
    return [given - start, performance.now() - start].map((ms) => (ms * 1000) / calls);
  };
  const [, estimate] = run(50);
  const calls = Math.max(50, Math.min(CALLS, Math.round(3e5 / estimate)));
  const runs = Array.from({ length: RUNS }, () => run(calls)).sort((a, b) => a[1] - b[1]);
  const [host, whole] = runs[RUNS >> 1];
  return {
    text: `${name}: ${whole.toFixed(1)} us a call, ${host.toFixed(1)} of them the host's`,
    holds: true,
  };
}
