import type { Tensor } from '@tensorflow/tfjs-core';
import type { FlashAttentionOptions } from './options.js';
import type { AttentionProblem, AttentionTensors } from './problem.js';
import { check, checkHeads, checkInt32Array, checkTensor, shapeText } from './checks.js';
import { readDropout } from './dropout.js';
import { prefixLens, readMaskInts } from './mask_ints.js';
import { readOffsets } from './offsets.js';
import { attentionParams, type Strides } from './params_of.js';
import { describeScore } from './score.js';

/** Axes of a dense call, read off q, k and v. */
interface DenseShape {
  numSeqs: number;
  queryLen: number;
  numHeads: number;
  headSize: number;
  numKeys: number;
  numKvHeads: number;
  valueHeadSize: number;
}

/** Checks a dense attention call and describes it. */
export function describeDense(
  op: string,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: FlashAttentionOptions,
): { problem: AttentionProblem; tensors: AttentionTensors } {
  const { layout = 'bsnh', returnLse = false, precision = 'float32' } = options;
  check(
    layout === 'bsnh' || layout === 'bnsh',
    op,
    () => `layout must be 'bsnh' or 'bnsh', got '${String(layout)}'`,
  );
  const shape = readShape(op, q, k, v, layout);
  const { numSeqs, queryLen, numHeads, headSize, numKeys, numKvHeads, valueHeadSize } = shape;
  const seqLens = readKvLens(op, options.kvLens, numSeqs, numKeys);
  const queryOffsets = readOffsets(op, options.queryOffset, seqLens, () => queryLen);
  const given = readMaskInts(op, options, numSeqs);
  const rswaPrefixLens = prefixLens(op, options.rswaPrefixLen, given.rswaPrefixLens, numSeqs);
  const dropout = readDropout(op, options);
  const ints = { seqLens, queryOffsets, rswaPrefixLens, mmRanges: given.mmRanges, dropout };
  const scores = {
    batch: numSeqs,
    heads: numHeads,
    tokens: queryLen,
    keys: numKeys,
    widerKeys: false,
  };
  const score = describeScore(op, options, headSize, scores, ints);

  const features = dropout ? [...score.features, 'dropout' as const].sort() : score.features;
  const strides = (tokens: number, heads: number, size: number): Strides => {
    const batch = tokens * heads * size;
    return layout === 'bsnh'
      ? { batch, token: heads * size, head: size }
      : { batch, token: size, head: tokens * size };
  };
  const lseShape =
    layout === 'bsnh' ? [numSeqs, queryLen, numHeads] : [numSeqs, numHeads, queryLen];
  return {
    tensors: { q, k, v, ...score.tensors },
    problem: {
      op,
      ints,
      outputShape: [...lseShape, valueHeadSize],
      lseShape,
      spec: {
        phase: queryLen === 1 ? 'decode' : 'prefill',
        headSize,
        valueHeadSize,
        queriesPerKv: numHeads / numKvHeads,
        kv: { kind: 'dense', order: layout },
        kvDtype: 'float32',
        features,
        returnLse,
        precision,
      },
      params: attentionParams(
        {
          numSeqs,
          numHeads,
          numKvHeads,
          headSize,
          valueHeadSize,
          maxQueryLen: queryLen,
          maxSeqLen: numKeys,
          blockSize: 0,
          maxBlocksPerSeq: 0,
          kvDtype: 'float32',
          kScale: 1,
          vScale: 1,
          q: strides(queryLen, numHeads, headSize),
          k: strides(numKeys, numKvHeads, headSize),
          v: strides(numKeys, numKvHeads, valueHeadSize),
          out: strides(queryLen, numHeads, valueHeadSize),
          lse: strides(queryLen, numHeads, 1),
        },
        { ...score, features },
      ),
    },
  };
}

function readShape(op: string, q: Tensor, k: Tensor, v: Tensor, layout: string): DenseShape {
  const axes = (heads: string, size: string) =>
    layout === 'bsnh' ? `[B, S, ${heads}, ${size}]` : `[B, ${heads}, S, ${size}]`;
  checkTensor(q, op, 'q', 4, axes('N', 'H'));
  checkTensor(k, op, 'k', 4, axes('K', 'H'));
  checkTensor(v, op, 'v', 4, axes('K', 'Hv'));
  const [token, head] = layout === 'bsnh' ? ([1, 2] as const) : ([2, 1] as const);
  const axesOf = (x: Tensor) => x.shape as [number, number, number, number];
  const [numSeqs, , , headSize] = axesOf(q);
  const [queryLen, numHeads] = [axesOf(q)[token], axesOf(q)[head]];
  const [numKeys, numKvHeads] = [axesOf(k)[token], axesOf(k)[head]];
  const valueHeadSize = axesOf(v)[3];
  for (const [name, tensor] of Object.entries({ q, k, v })) {
    check(
      tensor.size > 0,
      op,
      () => `${name} is empty ${shapeText(tensor.shape)}: every axis must be at least 1`,
    );
    check(
      tensor.shape[0] === numSeqs,
      op,
      () => `${name} has batch ${tensor.shape[0]}, q has ${numSeqs}: q, k and v need the same B`,
    );
  }
  check(
    k.shape[3] === headSize,
    op,
    () => `k has head size ${k.shape[3]}, q has ${headSize}: they must agree`,
  );
  check(
    v.shape[token] === numKeys && v.shape[head] === numKvHeads,
    op,
    () =>
      `v ${shapeText(v.shape)} must have the S and K of k ${shapeText(k.shape)} in layout '${layout}'`,
  );
  checkHeads(op, numHeads, numKvHeads);
  return { numSeqs, queryLen, numHeads, headSize, numKeys, numKvHeads, valueHeadSize };
}

function readKvLens(
  op: string,
  kvLens: Int32Array | undefined,
  numSeqs: number,
  numKeys: number,
): Int32Array {
  if (kvLens == null) return new Int32Array(numSeqs).fill(numKeys);
  checkInt32Array(kvLens, op, 'kvLens', numSeqs, '[B]');
  kvLens.forEach((length, b) =>
    check(
      length >= 0 && length <= numKeys,
      op,
      () => `kvLens[${b}] = ${length} must be between 0 and the ${numKeys} keys that k holds`,
    ),
  );
  return kvLens.slice();
}
