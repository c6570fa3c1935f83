import * as tf from '@tensorflow/tfjs-core';
import { flashAttention, type Implementation } from '@tfjs-attention/core';
import type { Visibility } from './visibility.js';

/** Keras's "minus infinity", which turns a row that sees nothing into equal weights. */
const MASKED = -1e9;

/**
 * Attention without a score matrix: q `[B, T, N, H]`, k `[B, S, K, H]`, v `[B, S, K, Hv]` → `[B, T, N, Hv]`. A row that sees
 * no key is the mean of all values if `meanOfNone`, else 0: the first is what softmax makes of equal scores (Keras's
 * `ops.dot_product_attention`), the second what Keras's `Softmax` layer leaves.
 */
export function attendFused(
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  { causal, slidingWindow, mask, rows }: Visibility,
  implementation: Implementation,
  meanOfNone: boolean,
): tf.Tensor {
  const options = {
    // Keras counts positions from the first query and key.
    queryOffset: 0,
    causal,
    implementation,
    ...(slidingWindow !== null && { slidingWindow }),
    ...(mask && { mask }),
  };
  const pastWindow = slidingWindow !== null && lengthOf(q) - lengthOf(k) >= slidingWindow;
  if (!(mask || rows || pastWindow)) return flashAttention(q, k, v, options);
  const { output, lse } = flashAttention(q, k, v, { ...options, returnLse: true });
  const [batch, tokens, heads] = output.shape;
  const none = untaped((x) => tf.equal(x, -Infinity))(lse);
  const hidden = rows
    ? tf.logicalOr(none, tf.logicalNot(tf.reshape(rows, [batch, tokens, 1])))
    : none;
  const replaced = meanOfNone ? meanValue(v, heads) : tf.zerosLike(output);
  const shape = output.shape;
  return tf.where(
    tf.broadcastTo(tf.reshape(hidden, [batch, tokens, heads, 1]), shape),
    tf.broadcastTo(replaced, shape),
    output,
  );
}

/** What {@link attendScored} drops. */
export interface Dropout {
  rate: number;
  seed?: number;
}

/**
 * The same with the weights at hand: `[output, weights]`, weights `[B, N, T, S]` before dropout. Groups of query heads share
 * their KV head in one product, nothing is repeated.
 */
export function attendScored(
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  seen: Visibility,
  dropout: Dropout | null,
): [tf.Tensor, tf.Tensor] {
  const [batch, tokens, heads, headSize] = q.shape as [number, number, number, number];
  const [, keys, kvHeads] = k.shape as [number, number, number];
  const group = heads / kvHeads;
  const headsFirst = (x: tf.Tensor) => tf.transpose(x, [0, 2, 1, 3]);
  const scaled = headsFirst(tf.mul(q, 1 / Math.sqrt(headSize)));
  const folded = tf.reshape(scaled, [batch, kvHeads, group * tokens, headSize]);
  const products = tf.matMul(folded, headsFirst(k), false, true);
  const scores = tf.reshape(products, [batch, heads, tokens, keys]);
  const visible = visibleKeys(seen, tokens, keys);
  const spread = visible && tf.broadcastTo(visible, scores.shape);
  const softmax = tf.softmax(spread ? tf.where(spread, scores, MASKED) : scores);
  const weights = spread ? tf.where(spread, softmax, tf.zerosLike(softmax)) : softmax;
  const kept = dropout ? tf.dropout(weights, dropout.rate, undefined, dropout.seed) : weights;
  const output = tf.matMul(tf.reshape(kept, [batch, kvHeads, group * tokens, keys]), headsFirst(v));
  return [headsFirst(tf.reshape(output, [batch, heads, tokens, -1])), weights];
}

/** bool, broadcasts to `[B, N, T, S]`; null where every key is seen. */
function visibleKeys(
  { causal, slidingWindow, mask, rows }: Visibility,
  tokens: number,
  keys: number,
): tf.Tensor | null {
  const parts: tf.Tensor[] = mask ? [mask] : [];
  if (rows) parts.push(tf.reshape(rows, [rows.shape[0], 1, rows.shape[1] as number, 1]));
  if (causal || slidingWindow !== null) {
    const row = tf.reshape(tf.range(0, tokens, 1, 'int32'), [1, 1, tokens, 1]);
    const column = tf.reshape(tf.range(0, keys, 1, 'int32'), [1, 1, 1, keys]);
    const distance = tf.sub(row, column);
    if (causal) parts.push(tf.greaterEqual(distance, 0));
    if (slidingWindow !== null) parts.push(tf.less(tf.abs(distance), slidingWindow));
  }
  return parts.length === 0 ? null : parts.reduce((a, b) => tf.logicalAnd(a, b));
}

const lengthOf = (x: tf.Tensor) => x.shape[1] as number;

/** `[B, S, K, Hv]` → `[B, 1, N, Hv]` */
function meanValue(v: tf.Tensor, heads: number): tf.Tensor {
  const [batch, , kvHeads, size] = v.shape as [number, number, number, number];
  const mean = tf.reshape(tf.mean(v, 1), [batch, kvHeads, 1, size]);
  const grouped = tf.broadcastTo(mean, [batch, kvHeads, heads / kvHeads, size]);
  return tf.reshape(grouped, [batch, 1, heads, size]);
}

/** tfjs's comparisons have no gradient, so the tape takes them for constants. */
function untaped(compute: (x: tf.Tensor) => tf.Tensor): (x: tf.Tensor) => tf.Tensor {
  return tf.customGrad((x) => ({
    value: compute(x as tf.Tensor),
    gradFunc: () => tf.zerosLike(x as tf.Tensor),
  }));
}
