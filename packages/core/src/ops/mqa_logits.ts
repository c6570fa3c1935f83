import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { check, checkInt, checkInt32Array, checkTensor, shapeText } from '../problem/checks.js';
import { cuSeqlensOf } from '../problem/cu_seqlens.js';
import { cpGatherIndexerKQuantCache, type IndexerKCache } from './indexer_cache.js';
import type { BlockTableRows } from './table_slots.js';

/**
 * Scores by which an indexer chooses keys (DeepSeek-V3.2; vLLM `fp8_mqa_logits`): logit [m, n] is the sum over heads of
 * relu(<q[m, h], k[n]> * scale[n]) * weights[m, h]; -Infinity outside kStart[m] <= n < kEnd[m]. One head's products at a
 * time are held.
 *
 * @param q `[M, Hi, D]` float32
 * @param k `[S, D]` values before their scale
 * @param kScale `[S]`
 * @param weights `[M, Hi]`
 * @param kStart `[M]` first key of each query
 * @param kEnd `[M]` behind its last
 * @returns `[M, S]`
 *
 * ```js
 * fp8MqaLogits(q, k, kScale, weights, Int32Array.of(0, 0), Int32Array.of(1, 2));  // causal: query 0 sees key 0, 1 both
 * ```
 *
 * @throws InvalidArgumentError where shapes disagree.
 */
export function fp8MqaLogits(
  q: Tensor,
  k: Tensor,
  kScale: Tensor,
  weights: Tensor,
  kStart: Int32Array,
  kEnd: Int32Array,
): Tensor {
  const op = 'fp8MqaLogits';
  checkTensor(q, op, 'q', 3, '[M, Hi, D]');
  checkTensor(k, op, 'k', 2, '[S, D]');
  checkTensor(kScale, op, 'kScale', 1, '[S]');
  checkTensor(weights, op, 'weights', 2, '[M, Hi]');
  const [rows, heads, size] = q.shape as [number, number, number];
  const keys = k.shape[0];
  check(
    k.shape[1] === size && kScale.shape[0] === keys && q.size > 0 && keys > 0,
    op,
    `k ${shapeText(k.shape)} and kScale ${shapeText(kScale.shape)} must be [S, ${size}] and [S], nothing empty`,
  );
  check(
    shapeText(weights.shape) === shapeText([rows, heads]),
    op,
    `weights must be ${shapeText([rows, heads])}, got ${shapeText(weights.shape)}`,
  );
  checkInt32Array(kStart, op, 'kStart', rows, '[M]');
  checkInt32Array(kEnd, op, 'kEnd', rows, '[M]');
  return tf.tidy(op, () => {
    const scaled = tf.mul(k, tf.expandDims(kScale, 1));
    let logits: Tensor = tf.zeros([rows, keys]);
    for (let head = 0; head < heads; head++) {
      logits = tf.tidy(() => {
        const own = tf.reshape(tf.slice(q, [0, head, 0], [rows, 1, size]), [rows, size]);
        const products = tf.matMul(own, scaled, false, true);
        const weight = tf.slice(weights, [0, head], [rows, 1]);
        return tf.add(logits, tf.mul(tf.relu(products), weight));
      });
    }
    const index = tf.range(0, keys, 1, 'int32');
    const column = (values: Int32Array) => tf.tensor2d(values, [rows, 1], 'int32');
    const inside = tf.logicalAnd(
      tf.greaterEqual(index, column(kStart)),
      tf.less(index, column(kEnd)),
    );
    return tf.where(inside, logits, -Infinity);
  });
}

/**
 * The same over an indexer's cache (vLLM `fp8_paged_mqa_logits`): `q` `[B, nextN, Hi, D]`, the last `nextN` tokens of each
 * sequence, against all of its `contextLens[b]` keys; token i of them sees keys up to contextLens[b] - nextN + i.
 *
 * @param weights `[B * nextN, Hi]`
 * @param blockTable one row a sequence
 * @returns `[B * nextN, maxModelLen]`, -Infinity past what a token sees
 * @throws InvalidArgumentError; CapacityError for a length past its row.
 */
export function fp8PagedMqaLogits(
  q: Tensor,
  cache: IndexerKCache,
  weights: Tensor,
  contextLens: Int32Array,
  blockTable: BlockTableRows,
  maxModelLen: number,
): Tensor {
  const op = 'fp8PagedMqaLogits';
  checkTensor(q, op, 'q', 4, '[B, nextN, Hi, D]');
  checkTensor(weights, op, 'weights', 2, '[B * nextN, Hi]');
  checkInt32Array(contextLens, op, 'contextLens', q.shape[0], '[B]');
  const [batch, nextN, heads, size] = q.shape as [number, number, number, number];
  checkInt(maxModelLen, op, 'maxModelLen', 1);
  contextLens.forEach((length, b) =>
    check(
      length >= nextN && length <= maxModelLen,
      op,
      () =>
        `contextLens[${b}] = ${length} must lie between the ${nextN} tokens of q and maxModelLen ${maxModelLen}`,
    ),
  );
  return tf.tidy(op, () => {
    const starts = cuSeqlensOf(contextLens);
    const { k, scale } = cpGatherIndexerKQuantCache(cache, blockTable, starts);
    check(
      scale.shape[1] === 1,
      op,
      'the cache must have one scale a key: quantBlockSize = headDim',
    );
    const rows = Array.from({ length: batch }, (_, b) => {
      const length = contextLens[b];
      const logits = fp8MqaLogits(
        tf.reshape(tf.slice(q, [b], [1]), [nextN, heads, size]),
        tf.slice(k, [starts[b]], [length]),
        tf.reshape(tf.slice(scale, [starts[b]], [length]), [length]),
        tf.slice(weights, [b * nextN], [nextN]),
        new Int32Array(nextN),
        Int32Array.from({ length: nextN }, (_, i) => length - nextN + i + 1),
      );
      return tf.pad(logits, [[0, 0], [0, maxModelLen - length]], -Infinity); // prettier-ignore
    });
    return tf.concat(rows);
  });
}

/**
 * The `topk` largest logits of each row, as key numbers (DeepSeek-V3.2's choice of tokens): `[M, topk]`, -1 where a row has
 * fewer keys than that. `logits` `[M, S]`; -Infinity is no key. The numbers come to the host, where block tables are.
 *
 * ```js
 * await topkIndices(tf.tensor2d([[1, 3, -Infinity]]), 4);  // Int32Array [1, 0, -1, -1]
 * ```
 *
 * @throws InvalidArgumentError for logits of another rank or a topk below 1.
 */
export async function topkIndices(logits: Tensor, topk: number): Promise<Int32Array> {
  const op = 'topkIndices';
  checkTensor(logits, op, 'logits', 2, '[M, S]');
  checkInt(topk, op, 'topk', 1);
  const [rows, keys] = logits.shape as [number, number];
  const kept = Math.min(topk, keys);
  const { values, indices } = tf.topk(logits, kept);
  const [best, places] = await Promise.all([values.data(), indices.data()]);
  tf.dispose([values, indices]);
  const chosen = new Int32Array(rows * topk).fill(-1);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < kept; i++) {
      if (best[row * kept + i] > -Infinity) chosen[row * topk + i] = places[row * kept + i];
    }
  }
  return chosen;
}
