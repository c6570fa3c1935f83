import type { AttentionProblem } from '../problem/problem.js';
import { dropoutHook, dropoutRow } from './dropout.js';
import { rowsByHead, type HeadRows } from './head_rows.js';
import { maskRules, mayAttend } from './mask.js';
import { alibiHook, biasHook, cells, dotHook, softCapHook, type Round } from './score.js';
import { softmaxRow } from './softmax.js';

type Numbers = ArrayLike<number>;

/** Real values behind a problem, on the host. */
export interface ReferenceInputs {
  q: Numbers;
  /** Lane of key (or value) j of sequence b in a KV head, scales applied. */
  key: (b: number, j: number, kvHead: number, lane: number) => number;
  value: (b: number, j: number, kvHead: number, lane: number) => number;
  bias?: Numbers;
  mask?: Numbers;
  alibiSlopes?: Numbers;
  sinks?: Numbers;
  qqBias?: Numbers;
}

export interface ReferenceResult {
  output: Float64Array;
  lse: Float64Array;
}

/**
 * The definition of attention in plain loops: every kernel is judged by it. `round` plays a precision: identity is the
 * float64 oracle, Math.fround the same maths done plainly in float32, which sets the tolerance.
 */
export function referenceAttention(
  problem: AttentionProblem,
  inputs: ReferenceInputs,
  round: Round = (x) => x,
): ReferenceResult {
  const { params, ints } = problem;
  const size = (shape: readonly number[]) => shape.reduce((product, axis) => product * axis, 1);
  const output = new Float64Array(size(problem.outputShape));
  const lse = new Float64Array(size(problem.lseShape));
  for (let b = 0; b < params.numSeqs; b++) {
    const start = ints.queryStartLoc?.[b] ?? 0;
    const end = ints.queryStartLoc?.[b + 1] ?? params.maxQueryLen;
    const rows = rowsByHead(problem, inputs, b);
    for (let head = 0; head < params.numHeads; head++) {
      for (let i = 0; i < end - start; i++) {
        const read = rows(head);
        const row = referenceRow(problem, inputs, round, b, start, end - start, i, head, read);
        const token = start + i;
        lse[
          b * params.lseStrideBatch + token * params.lseStrideToken + head * params.lseStrideHead
        ] = row.lse;
        const out =
          b * params.outStrideBatch + token * params.outStrideToken + head * params.outStrideHead;
        output.set(row.output, out);
      }
    }
  }
  return { output, lse };
}

/** One query row: scores, which keys count, softmax, weighted values. Callers of many rows give what they read. */
export function referenceRow(
  problem: AttentionProblem,
  inputs: ReferenceInputs,
  round: Round,
  b: number,
  start: number,
  queryLen: number,
  i: number,
  head: number,
  { keys, values }: HeadRows = rowsByHead(problem, inputs, b)(head),
): { scores: Float64Array; weights: Float64Array; output: Float64Array; lse: number } {
  const { params, ints } = problem;
  const numKeys = ints.seqLens[b];
  const token = start + i;
  const p = ints.queryOffsets[b] + i;
  const rules = maskRules(params, ints, b);
  const { headSize, valueHeadSize, softmaxScale } = params;
  const register = cells(round, 2);
  const at = b * params.qStrideBatch + token * params.qStrideToken + head * params.qStrideHead;
  const scores = new Float64Array(numKeys).fill(-Infinity);
  const visible = new Uint8Array(numKeys);
  for (let j = 0; j < numKeys; j++) {
    const bias = inputs.bias?.[scoreIndex(params, 'bias', b, head, token, j)] ?? 0;
    const allowed = inputs.mask?.[scoreIndex(params, 'mask', b, head, token, j)] ?? 1;
    if (!allowed || bias === -Infinity || !mayAttend(rules, p, j)) continue;
    let score = dotHook(register, headSize, softmaxScale, inputs.q, at, keys, j * headSize);
    score = softCapHook(round, params.logitsSoftCap, score);
    score = biasHook(round, bias, score);
    const inStep = j - (numKeys - queryLen);
    if (inputs.qqBias && i < params.qqBiasSize && inStep >= 0 && inStep < params.qqBiasSize) {
      score = biasHook(round, inputs.qqBias[i * params.qqBiasSize + inStep], score);
    }
    if (inputs.alibiSlopes) score = alibiHook(round, inputs.alibiSlopes[head], p, j, score);
    visible[j] = score === -Infinity ? 0 : 1;
    scores[j] = score;
  }
  const { weights, lse } = softmaxRow(round, scores, visible, inputs.sinks?.[head] ?? -Infinity);
  const sums = cells(round, valueHeadSize);
  const keep = keepHook(problem, b, i, head);
  for (let j = 0; j < numKeys; j++) {
    if (!visible[j]) continue;
    const weight = keep === undefined ? weights[j] : round(weights[j] * round(keep(j)));
    for (let lane = 0; lane < valueHeadSize; lane++) {
      register[0] = weight * values[j * valueHeadSize + lane];
      sums[lane] += register[0];
    }
  }
  const output = Float64Array.from(sums);
  return { scores, weights, output, lse };
}

/** Factor that dropout puts on the weight of key j in a row; nothing where nothing is dropped. */
export function keepHook(
  { params, ints }: Pick<AttentionProblem, 'params' | 'ints'>,
  b: number,
  i: number,
  head: number,
): ((j: number) => number) | undefined {
  if (ints.dropout === undefined) return undefined;
  const [seed, share] = ints.dropout;
  const row = dropoutRow(seed, (b * params.numHeads + head) * params.maxQueryLen + i);
  return (j) => dropoutHook(row, share, j);
}

/** Where a bias or mask holds the entry of a pair. */
export function scoreIndex(
  params: AttentionProblem['params'],
  name: 'bias' | 'mask',
  b: number,
  head: number,
  token: number,
  j: number,
): number {
  return (
    b * params[`${name}StrideBatch`] +
    head * params[`${name}StrideHead`] +
    token * params[`${name}StrideToken`] +
    j * params[`${name}StrideKey`]
  );
}
