import { KV_CACHE_DTYPES, type AttentionParams, type KvCacheDtype } from './params.js';
import type { Score } from './score.js';
import { featureFlags } from './spec.js';

/** Elements from one sequence, token and head to the next. */
export interface Strides {
  batch: number;
  token: number;
  head: number;
}

/** Sizes, storage and strides of a call: what its score does not decide. */
export interface CallShape {
  numSeqs: number;
  numHeads: number;
  numKvHeads: number;
  headSize: number;
  valueHeadSize: number;
  maxQueryLen: number;
  maxSeqLen: number;
  blockSize: number;
  maxBlocksPerSeq: number;
  kvDtype: KvCacheDtype;
  kScale: number;
  vScale: number;
  q: Strides;
  k: Strides;
  v: Strides;
  out: Strides;
  lse: Strides;
}

/**
 * All parameters, in the order of their table. One literal without a spread: calls share a hidden class, where a
 * spread of this length would make each call's object a slow dictionary.
 */
export function attentionParams(
  shape: CallShape,
  { features, numbers, bias, mask }: Score,
): AttentionParams {
  const { q, k, v, out, lse } = shape;
  return {
    softmaxScale: numbers.softmaxScale,
    logitsSoftCap: numbers.logitsSoftCap,
    kScale: shape.kScale,
    vScale: shape.vScale,
    flags: featureFlags(features),
    kvDtype: KV_CACHE_DTYPES.indexOf(shape.kvDtype),
    windowLeft: numbers.windowLeft,
    windowRight: numbers.windowRight,
    chunkSize: numbers.chunkSize,
    chunkLookback: numbers.chunkLookback,
    numSeqs: shape.numSeqs,
    numHeads: shape.numHeads,
    numKvHeads: shape.numKvHeads,
    headSize: shape.headSize,
    valueHeadSize: shape.valueHeadSize,
    maxQueryLen: shape.maxQueryLen,
    maxSeqLen: shape.maxSeqLen,
    blockSize: shape.blockSize,
    maxBlocksPerSeq: shape.maxBlocksPerSeq,
    qqBiasSize: numbers.qqBiasSize,
    qStrideBatch: q.batch,
    qStrideToken: q.token,
    qStrideHead: q.head,
    kStrideBatch: k.batch,
    kStrideToken: k.token,
    kStrideHead: k.head,
    vStrideBatch: v.batch,
    vStrideToken: v.token,
    vStrideHead: v.head,
    outStrideBatch: out.batch,
    outStrideToken: out.token,
    outStrideHead: out.head,
    lseStrideBatch: lse.batch,
    lseStrideToken: lse.token,
    lseStrideHead: lse.head,
    biasStrideBatch: bias[0],
    biasStrideHead: bias[1],
    biasStrideToken: bias[2],
    biasStrideKey: bias[3],
    maskStrideBatch: mask[0],
    maskStrideHead: mask[1],
    maskStrideToken: mask[2],
    maskStrideKey: mask[3],
  };
}
