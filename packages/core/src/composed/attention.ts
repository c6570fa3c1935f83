import * as tf from '@tensorflow/tfjs-core';
import type { AttentionProblem, AttentionTensors } from '../problem/problem.js';
import { composedRows } from './rows.js';

/** Scores held at once; tfjs breaks silently near 2 GiB, and less is faster. */
const SCORE_BYTES = 64 * 2 ** 20;

/** Dense attention from stock tfjs ops, a slab of query rows at a time; has gradients. Output, then lse if asked for. */
export function composedAttention(
  problem: AttentionProblem,
  tensors: AttentionTensors & { k: tf.Tensor; v: tf.Tensor },
): tf.Tensor[] {
  const { params, ints, spec } = problem;
  const swap = spec.kv.kind === 'paged' || spec.kv.order === 'bsnh';
  const heads = (x: tf.Tensor) => (swap ? tf.transpose(x, [0, 2, 1, 3]) : x);
  const [q, k, v] = [heads(tensors.q), heads(tensors.k), heads(tensors.v)];
  const [batch, numHeads, queryLen] = q.shape as [number, number, number];
  const keys = k.shape[2] as number;
  const bias = rank4(tensors.bias);
  const mask = rank4(tensors.mask);
  const rowBytes = batch * numHeads * keys * 4;
  const slabRows = Math.min(queryLen, Math.max(1, Math.floor(SCORE_BYTES / rowBytes)));
  const slabs: [tf.Tensor, tf.Tensor][] = [];
  for (let firstRow = 0; firstRow < queryLen; firstRow += slabRows) {
    const rows = Math.min(slabRows, queryLen - firstRow);
    const cut = (x: tf.Tensor) =>
      rows === queryLen || x.shape[2] === 1
        ? x
        : tf.slice(x, [0, 0, firstRow, 0], [-1, -1, rows, -1]);
    slabs.push(
      composedRows({
        params,
        q: rows === queryLen ? q : tf.slice(q, [0, 0, firstRow, 0], [-1, -1, rows, -1]),
        k,
        v,
        firstRow,
        queryLen,
        ints,
        bias: bias && cut(bias),
        mask: mask && cut(mask),
        alibiSlopes: tensors.alibiSlopes,
        sinks: tensors.sinks,
        qqBias: tensors.qqBias,
      }),
    );
  }
  const join = (parts: tf.Tensor[]) => (parts.length === 1 ? parts[0] : tf.concat(parts, 2));
  const output = heads(join(slabs.map(([part]) => part)));
  if (!spec.returnLse) return [output];
  const lse = join(slabs.map(([, part]) => part));
  return [output, swap ? tf.transpose(lse, [0, 2, 1]) : lse];
}

function rank4(x: tf.Tensor | undefined): tf.Tensor | undefined {
  if (x === undefined || x.rank === 4) return x;
  return tf.reshape(x, [...new Array<number>(4 - x.rank).fill(1), ...x.shape]);
}
