import * as tf from '@tensorflow/tfjs-core';
import { hasBand, maskRules, mayAttend } from '../reference/mask.js';
import { keepHook } from '../reference/attention.js';
import { FEATURE_BITS, type AttentionParams } from '../problem/params.js';
import type { AttentionInts } from '../problem/problem.js';
import { untaped } from './untaped.js';

/** A slab of query rows of B sequences of equal shape, everything in 'bnsh'. */
export interface Slab {
  params: AttentionParams;
  /** `[B, N, R, H]`, rows firstRow to firstRow + R - 1 of each sequence. */
  q: tf.Tensor;
  /** `[B, K, S, H]`, `[B, K, S, Hv]` */
  k: tf.Tensor;
  v: tf.Tensor;
  firstRow: number;
  /** Query rows of the whole sequence. */
  queryLen: number;
  ints: AttentionInts;
  /** Rank 4, 1 along broadcast axes, rows already cut to this slab. */
  bias?: tf.Tensor;
  mask?: tf.Tensor;
  alibiSlopes?: tf.Tensor;
  sinks?: tf.Tensor;
  qqBias?: tf.Tensor;
}

/** Output `[B, N, R, Hv]` and lse `[B, N, R]` of a slab, from stock tfjs ops. */
export function composedRows(slab: Slab): [tf.Tensor, tf.Tensor] {
  const { params, q, k, v } = slab;
  const [batch, heads, rows, headSize] = q.shape;
  const [, kvHeads, keys] = k.shape;
  const group = heads / kvHeads;
  const folded = tf.reshape(q, [batch, kvHeads, group * rows, headSize]);
  const dots = tf.matMul(folded, k, false, true);
  let s = tf.mul(tf.reshape(dots, [batch, heads, rows, keys]), params.softmaxScale);
  if (params.logitsSoftCap > 0) {
    s = tf.mul(tf.tanh(tf.div(s, params.logitsSoftCap)), params.logitsSoftCap);
  }
  if (slab.bias) s = tf.add(s, slab.bias);
  const tree = slab.qqBias && treeBias(slab, slab.qqBias, keys);
  if (tree) s = tf.add(s, tree);
  if (slab.alibiSlopes) {
    const slopes = tf.reshape(slab.alibiSlopes, [1, heads, 1, 1]);
    s = tf.sub(s, tf.mul(slopes, distances(slab, keys)));
  }
  const visible = visibility(slab, keys, tree);
  if (visible) s = tf.where(tf.broadcastTo(visible, s.shape), s, tf.fill(s.shape, -Infinity));

  const m = rowMaximum(s);
  const p = tf.exp(tf.sub(s, m));
  const sum = tf.sum(p, -1, true);
  const finite = tf.add(m, tf.log(tf.add(sum, isZero(sum))));
  const lse = tf.reshape(tf.add(finite, noneIfZero(sum)), [batch, heads, rows]);
  const sinks = slab.sinks && tf.reshape(slab.sinks, [1, heads, 1, 1]);
  const denominator = sinks ? tf.add(sum, tf.exp(tf.sub(sinks, m))) : sum;
  const kept = params.flags & FEATURE_BITS.dropout ? tf.mul(p, keepFactors(slab, keys)) : p;
  const weights = tf.reshape(kept, [batch, kvHeads, group * rows, keys]);
  const weighted = visible === undefined ? tf.matMul(weights, v) : selectedProduct(weights, v);
  const acc = tf.reshape(weighted, [batch, heads, rows, params.valueHeadSize]);
  return [tf.div(acc, tf.add(denominator, isZero(denominator))), lse];
}

/** Any constant does for m where gradients are concerned: it cancels. 0 where a row sees no key. */
const rowMaximum = untaped((s) => {
  const top = tf.max(s, -1, true);
  return tf.where(tf.equal(top, -Infinity), 0, top);
});

const isZero = untaped((x) => tf.cast(tf.equal(x, 0), 'float32'));
const isBad = untaped((x) => tf.logicalOr(tf.isNaN(x), tf.isInf(x)));
/** Summands rather than selections, whose conditions gradients of gradients would want to differentiate. */
const noneIfZero = untaped((sum) => tf.where(tf.equal(sum, 0), -Infinity, 0));
const nanIfPositive = untaped((x) => tf.where(tf.greater(x, 0), NaN, 0));

/** p * v where a weight of 0 hides NaN and Infinity in v, as an invisible key must. */
function selectedProduct(weights: tf.Tensor, v: tf.Tensor): tf.Tensor {
  // A packed product of tfjs-webgl reads what pads its operands, weights past the last key among them: zeros on this side.
  const bad = isBad(v);
  const product = tf.matMul(weights, tf.where(bad, tf.zeros(v.shape), v));
  const taint = tf.matMul(weights, tf.cast(bad, 'float32'));
  return tf.add(product, nanIfPositive(taint));
}

/** Bool tensor of visible keys, or nothing where all are. */
function visibility(slab: Slab, keys: number, tree?: tf.Tensor): tf.Tensor | undefined {
  const { params, ints, firstRow, q } = slab;
  const { seqLens, queryOffsets } = ints;
  const [batch, , rows] = q.shape;
  let visible: tf.Tensor | undefined;
  if (hasBand(params) || seqLens.some((length) => length < keys)) {
    const flags = new Uint8Array(batch * rows * keys);
    for (let b = 0; b < batch; b++) {
      const rules = maskRules(params, ints, b);
      for (let r = 0; r < rows; r++) {
        const p = queryOffsets[b] + firstRow + r;
        for (let j = 0; j < seqLens[b]; j++) {
          if (mayAttend(rules, p, j)) flags[(b * rows + r) * keys + j] = 1;
        }
      }
    }
    visible = tf.tensor(flags, [batch, 1, rows, keys], 'bool');
  }
  if (slab.mask) visible = both(visible, slab.mask);
  if (slab.bias) visible = alsoSeen(visible, slab.bias);
  if (tree) visible = alsoSeen(visible, tree);
  return visible;
}

function both(visible: tf.Tensor | undefined, other: tf.Tensor): tf.Tensor {
  return visible ? tf.logicalAnd(visible, other) : other;
}

/** Off the tape as a whole: LogicalAnd has no gradient. */
function alsoSeen(visible: tf.Tensor | undefined, bias: tf.Tensor): tf.Tensor {
  return untaped((x) => both(visible, tf.notEqual(x, -Infinity)))(bias);
}

/** |p - j| as `[B, 1, R, S]`. */
function distances({ ints: { queryOffsets }, firstRow, q }: Slab, keys: number): tf.Tensor {
  const [batch, , rows] = q.shape;
  const values = new Float32Array(batch * rows * keys);
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let r = 0; r < rows; r++) {
      const p = queryOffsets[b] + firstRow + r;
      for (let j = 0; j < keys; j++) values[at++] = Math.abs(p - j);
    }
  }
  return tf.tensor(values, [batch, 1, rows, keys]);
}

/** What dropout multiplies weights with, as `[B, N, R, S]`. */
function keepFactors({ params, ints, firstRow, q }: Slab, keys: number): tf.Tensor {
  const [batch, heads, rows] = q.shape;
  const values = new Float32Array(batch * heads * rows * keys);
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let head = 0; head < heads; head++) {
      for (let r = 0; r < rows; r++) {
        const keep = keepHook({ params, ints }, b, firstRow + r, head);
        for (let j = 0; j < keys; j++) values[at++] = keep ? keep(j) : 1;
      }
    }
  }
  return tf.tensor(values, [batch, heads, rows, keys]);
}

/** qqBias[i, j - contextLen] as `[B, 1, R, S]`, 0 outside the matrix. Padded, for the gradient of a gather is not on every backend. */
function treeBias({ ints, queryLen, firstRow, q }: Slab, qqBias: tf.Tensor, keys: number) {
  const [batch, , rows] = q.shape;
  const [size] = qqBias.shape;
  const height = Math.max(0, Math.min(rows, size - firstRow));
  const place = (contextLen: number) => {
    const from = Math.max(0, -contextLen);
    const to = Math.min(size, keys - contextLen);
    if (height === 0 || to <= from) return tf.zeros([rows, keys]);
    const part = tf.slice(qqBias, [firstRow, from], [height, to - from]);
    const sides: [number, number] = [contextLen + from, keys - contextLen - to];
    return tf.pad(part, [[0, rows - height], sides]);
  };
  const placed = Array.from({ length: batch }, (_, b) => place(ints.seqLens[b] - queryLen));
  return tf.expandDims(tf.stack(placed), 1);
}
