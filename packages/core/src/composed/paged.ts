import * as tf from '@tensorflow/tfjs-core';
import { gatherSlots, slotsOf } from '../kv_cache/access.js';
import type { KvStorage } from '../kv_cache/storage.js';
import { maskIntsOf } from '../problem/mask_ints.js';
import type { AttentionProblem, AttentionTensors } from '../problem/problem.js';
import { composedAttention } from './attention.js';

const NO_TABLES = new Int32Array(0);

/** Paged attention from stock tfjs ops: each sequence's keys are gathered dense, then attended. */
export function composedPagedAttention(
  problem: AttentionProblem,
  tensors: AttentionTensors,
  storage: KvStorage,
): tf.Tensor[] {
  const { ints, params } = problem;
  const parts: tf.Tensor[][] = [];
  for (let b = 0; b < params.numSeqs; b++) {
    const start = ints.queryStartLoc?.[b] ?? 0;
    const queryLen = (ints.queryStartLoc?.[b + 1] ?? 0) - start;
    if (queryLen === 0) continue;
    parts.push(composedSequence(problem, tensors, storage, b, start, queryLen));
  }
  return parts[0].map((_, i) => tf.concat(parts.map((part) => part[i])));
}

function composedSequence(
  problem: AttentionProblem,
  tensors: AttentionTensors,
  storage: KvStorage,
  b: number,
  start: number,
  queryLen: number,
): tf.Tensor[] {
  const { params, ints, spec } = problem;
  const { numHeads, headSize, valueHeadSize } = params;
  const keys = ints.seqLens[b];
  if (keys === 0) {
    const output = tf.zeros([queryLen, numHeads, valueHeadSize]);
    return spec.returnLse ? [output, tf.fill([queryLen, numHeads], -Infinity)] : [output];
  }
  const { maxBlocksPerSeq, blockSize } = params;
  const { seqLens, blockTables = NO_TABLES } = ints;
  const slots = slotsOf({ seqLens, blockTables, maxBlocksPerSeq }, blockSize, b, b + 1);
  const [k, v] = gatherSlots(storage, slots);
  const cut = (x: tf.Tensor | undefined) => x && cutScores(x, start, queryLen, keys);
  const { bias, mask, ...rest } = tensors;
  const results = composedAttention(
    {
      ...problem,
      params: { ...params, numSeqs: 1 },
      ints: {
        seqLens: Int32Array.of(keys),
        queryOffsets: Int32Array.of(ints.queryOffsets[b]),
        ...maskIntsOf(ints, b),
      },
    },
    {
      ...rest,
      q: tf.reshape(tf.slice(tensors.q, [start], [queryLen]), [1, queryLen, numHeads, headSize]),
      k: tf.expandDims(k, 0),
      v: tf.expandDims(v, 0),
      ...(bias && { bias: cut(bias) }),
      ...(mask && { mask: cut(mask) }),
    },
  );
  return results.map((x) => tf.squeeze(x, [0]));
}

/** The part of a bias or mask `[.., T, S]` that belongs to one sequence. */
function cutScores(x: tf.Tensor, start: number, queryLen: number, keys: number): tf.Tensor {
  const full = x.rank === 1 ? tf.expandDims(x, 0) : x;
  const begin = new Array<number>(full.rank).fill(0);
  const size = [...full.shape];
  if (size[full.rank - 2] > 1) {
    begin[full.rank - 2] = start;
    size[full.rank - 2] = queryLen;
  }
  if (size[full.rank - 1] > 1) size[full.rank - 1] = keys;
  return tf.slice(full, begin, size);
}
