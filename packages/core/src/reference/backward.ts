import type { AttentionProblem } from '../problem/problem.js';
import { keepHook, referenceRow, scoreIndex, type ReferenceInputs } from './attention.js';
import { rowsByHead, type HeadRows } from './head_rows.js';
import { cells, dotHook, softCapSlope, type Round } from './score.js';

type Numbers = ArrayLike<number>;

// Test runners make globals slow to look up.
const { abs } = Math;

/** Gradients of a loss with respect to each operand that a dense problem has; bias and the like as their inputs lie. */
export interface OperandGradients {
  q: Float64Array;
  k: Float64Array;
  v: Float64Array;
  bias?: Float64Array;
  alibiSlopes?: Float64Array;
  sinks?: Float64Array;
  qqBias?: Float64Array;
}

export interface ReferenceGradients extends OperandGradients {
  /**
   * How large the terms of each gradient's sum are, added up without signs, each times 1 + |score| + |lse|: what the
   * exponential makes of a unit's error in them. Sums may cancel, so that a gradient's own size says little of its error.
   */
  sizes: OperandGradients;
}

/**
 * The definition of the backward pass in plain loops: from the loss's gradients with respect to output (`dout`) and lse
 * (`dlse`), weights are made again from scores and lse (Dao, FlashAttention-2, 2023, algorithm 2). `round` plays a precision
 * as in {@link referenceAttention}. Dense problems only.
 */
export function referenceBackward(
  problem: AttentionProblem,
  inputs: ReferenceInputs,
  dout: Numbers,
  dlse: Numbers,
  round: Round = (x) => x,
): ReferenceGradients {
  const { params } = problem;
  const { numSeqs, numHeads, numKvHeads, headSize, valueHeadSize } = params;
  const zerosLike = (x: Numbers | undefined) => x && new Float64Array(x.length);
  const empty = (): OperandGradients => ({
    q: new Float64Array(numSeqs * params.maxQueryLen * numHeads * headSize),
    k: new Float64Array(numSeqs * params.maxSeqLen * numKvHeads * headSize),
    v: new Float64Array(numSeqs * params.maxSeqLen * numKvHeads * valueHeadSize),
    bias: zerosLike(inputs.bias),
    alibiSlopes: zerosLike(inputs.alibiSlopes),
    sinks: zerosLike(inputs.sinks),
    qqBias: zerosLike(inputs.qqBias),
  });
  const gradients: ReferenceGradients = { ...empty(), sizes: empty() };
  for (let b = 0; b < numSeqs; b++) {
    const rows = rowsByHead(problem, inputs, b);
    for (let i = 0; i < params.maxQueryLen; i++) {
      for (let head = 0; head < numHeads; head++) {
        backwardRow(problem, inputs, rows(head), dout, dlse, round, b, i, head, gradients);
      }
    }
  }
  return gradients;
}

/** Adds what one query row gives. */
function backwardRow(
  problem: AttentionProblem,
  inputs: ReferenceInputs,
  read: HeadRows,
  dout: Numbers,
  dlse: Numbers,
  round: Round,
  b: number,
  i: number,
  head: number,
  to: ReferenceGradients,
): void {
  const { params, ints } = problem;
  const { headSize, valueHeadSize, softmaxScale, logitsSoftCap, qqBiasSize } = params;
  const numKeys = ints.seqLens[b];
  const queryLen = params.maxQueryLen;
  const row = referenceRow(problem, inputs, round, b, 0, queryLen, i, head, read);
  if (row.lse === -Infinity) return;
  const register = cells(round, 2);
  const { sizes } = to;
  const add = (
    name: 'sinks' | 'bias' | 'alibiSlopes' | 'qqBias',
    at: number,
    value: number,
    size: number,
  ) => {
    const x = to[name];
    const sum = sizes[name];
    if (x === undefined || sum === undefined) return;
    x[at] = round(x[at] + value);
    sum[at] += size;
  };
  const qAt = b * params.qStrideBatch + i * params.qStrideToken + head * params.qStrideHead;
  const outAt = b * params.outStrideBatch + i * params.outStrideToken + head * params.outStrideHead;
  const lseAt = b * params.lseStrideBatch + i * params.lseStrideToken + head * params.lseStrideHead;
  const kvHead = Math.floor(head / (params.numHeads / params.numKvHeads));
  const position = ints.queryOffsets[b] + i;
  const keep = keepHook(problem, b, i, head);

  const sink = inputs.sinks?.[head] ?? -Infinity;
  // ln of the whole denominator, the sink in it.
  const top = Math.max(row.lse, sink);
  const sum = round(Math.exp(round(row.lse - top))) + round(Math.exp(round(sink - top)));
  const total = round(top + round(Math.log(round(sum))));
  let meanOut = 0;
  let meanSize = 0;
  for (let d = 0; d < valueHeadSize; d++) {
    meanOut = round(meanOut + round(dout[outAt + d] * row.output[d]));
    meanSize += Math.abs(dout[outAt + d] * row.output[d]);
  }
  const sinkShare = round(Math.exp(round(sink - total)));
  const sinkDoubt = sink === -Infinity ? 0 : sinkShare * (1 + Math.abs(sink) + Math.abs(total));
  add('sinks', head, -round(sinkShare * meanOut), sinkDoubt * meanSize);
  const lseShare = round(Math.exp(round(total - row.lse)));
  const delta = round(meanOut - round(dlse[lseAt] * lseShare));
  const deltaSize = meanSize + Math.abs(dlse[lseAt] * lseShare);

  for (let j = 0; j < numKeys; j++) {
    if (row.scores[j] === -Infinity) continue;
    const factor = keep ? round(keep(j)) : 1;
    const weight = round(Math.exp(round(row.scores[j] - total)));
    const doubt = weight * (1 + Math.abs(row.scores[j]) + Math.abs(total));
    const vAt = b * params.vStrideBatch + j * params.vStrideToken + kvHead * params.vStrideHead;
    register[0] = 0;
    let dWeightSize = 0;
    const share = round(weight * factor);
    for (let d = 0; d < valueHeadSize; d++) {
      const dOut = dout[outAt + d];
      const value = read.values[j * valueHeadSize + d];
      register[1] = dOut * value;
      register[0] += register[1];
      dWeightSize += abs(dOut * value);
      register[1] = share * dOut;
      register[1] += to.v[vAt + d];
      to.v[vAt + d] = register[1];
      sizes.v[vAt + d] += abs(doubt * factor * dOut);
    }
    const dWeight = register[0];
    const dScore = round(weight * round(round(dWeight * factor) - delta));
    const size = doubt * (dWeightSize * factor + deltaSize);
    const distance = Math.abs(position - j);
    if (to.bias) add('bias', scoreIndex(params, 'bias', b, head, i, j), dScore, size);
    add('alibiSlopes', head, -round(dScore * distance), size * distance);
    const column = j - (numKeys - queryLen);
    if (i < qqBiasSize && column >= 0 && column < qqBiasSize) {
      add('qqBias', i * qqBiasSize + column, dScore, size);
    }
    const keyAt = j * headSize;
    const raw =
      logitsSoftCap > 0
        ? dotHook(register, headSize, softmaxScale, inputs.q, qAt, read.keys, keyAt)
        : 0;
    const dDot = round(round(dScore * softCapSlope(round, logitsSoftCap, raw)) * softmaxScale);
    const scaled = abs(size * softmaxScale);
    const kAt = b * params.kStrideBatch + j * params.kStrideToken + kvHead * params.kStrideHead;
    for (let lane = 0; lane < headSize; lane++) {
      const [q, k] = [inputs.q[qAt + lane], read.keys[keyAt + lane]];
      register[1] = dDot * k;
      register[1] += to.q[qAt + lane];
      to.q[qAt + lane] = register[1];
      sizes.q[qAt + lane] += scaled * abs(k);
      register[1] = dDot * q;
      register[1] += to.k[kAt + lane];
      to.k[kAt + lane] = register[1];
      sizes.k[kAt + lane] += scaled * abs(q);
    }
  }
}
