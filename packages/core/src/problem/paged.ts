import type { Tensor } from '@tensorflow/tfjs-core';
import { codesPerRow } from '../kv_cache/dtypes.js';
import type { KvCacheLayout } from '../kv_cache/layout.js';
import type { AttentionPlan } from '../utils/plan_attention.js';
import type { AttentionOptions } from './options.js';
import type { AttentionInts, AttentionProblem, AttentionTensors } from './problem.js';
import { check, checkHeads, checkTensor } from './checks.js';
import { prefixLens } from './mask_ints.js';
import { attentionParams, type Strides } from './params_of.js';
import { describeScore } from './score.js';

/** Checks a paged attention call over a cache of this layout and describes it. */
export function describePaged(
  op: string,
  q: Tensor,
  layout: KvCacheLayout,
  plan: AttentionPlan,
  options: AttentionOptions,
): { problem: AttentionProblem; tensors: AttentionTensors } {
  const { returnLse = false, precision = 'float32' } = options;
  checkTensor(q, op, 'q', 3, '[T, N, H]');
  const [numTokens, numHeads, headSize] = q.shape;
  check(
    numTokens === plan.numTokens,
    op,
    () =>
      `q has ${numTokens} tokens, the plan has ${plan.numTokens}: queryStartLoc must end with T`,
  );
  check(
    headSize === layout.headSize,
    op,
    () => `q has head size ${headSize}, the cache has ${layout.headSize}: they must agree`,
  );
  const { numKvHeads, valueHeadSize, blockSize, dtype, valueInKey } = layout;
  const keys = stridesOf(blockSize, numKvHeads, codesPerRow(dtype, headSize));
  checkHeads(op, numHeads, numKvHeads);
  plan.checkFor(op, layout);
  const ints = intsOf(op, plan, options);
  const scores = { heads: numHeads, tokens: numTokens, keys: plan.maxSeqLen, widerKeys: true };
  const score = describeScore(op, options, headSize, scores, ints);
  const lseShape = [numTokens, numHeads];
  return {
    tensors: { q, ...score.tensors },
    problem: {
      op,
      ints,
      lseShape,
      outputShape: [...lseShape, valueHeadSize],
      spec: {
        phase: plan.maxQueryLen === 1 ? 'decode' : 'prefill',
        headSize,
        valueHeadSize,
        queriesPerKv: numHeads / numKvHeads,
        kv: { kind: 'paged', blockSize, ...(valueInKey && { valueInKey }) },
        kvDtype: dtype,
        features: score.features,
        returnLse,
        precision,
      },
      params: attentionParams(
        {
          numSeqs: plan.numSeqs,
          numHeads,
          numKvHeads,
          headSize,
          valueHeadSize,
          maxQueryLen: plan.maxQueryLen,
          maxSeqLen: plan.maxSeqLen,
          blockSize,
          maxBlocksPerSeq: plan.maxBlocksPerSeq,
          kvDtype: dtype,
          kScale: typeof layout.kScale === 'number' ? layout.kScale : 1,
          vScale: typeof layout.vScale === 'number' ? layout.vScale : 1,
          q: stridesOf(0, numHeads, headSize),
          k: keys,
          v: valueInKey
            ? keys
            : stridesOf(blockSize, numKvHeads, codesPerRow(dtype, valueHeadSize)),
          out: stridesOf(0, numHeads, valueHeadSize),
          lse: stridesOf(0, numHeads, 1),
        },
        score,
      ),
    },
  };
}

/** Of `[tokens, heads, size]` a batch entry; 0 tokens = the batch is packed. */
function stridesOf(tokens: number, heads: number, size: number): Strides {
  return { batch: tokens * heads * size, token: heads * size, head: size };
}

/** The plan itself, so that backends find what they keep for it, unless the call has a prefix of its own. */
function intsOf(op: string, plan: AttentionPlan, options: AttentionOptions): AttentionInts {
  const given = plan.rswaPrefixLens;
  const rswaPrefixLens = prefixLens(op, options.rswaPrefixLen, given, plan.numSeqs);
  if (rswaPrefixLens === given) return plan;
  const { queryStartLoc, seqLens, queryOffsets, blockTables, causalFlags, mmRanges } = plan;
  return {
    queryStartLoc,
    seqLens,
    queryOffsets,
    blockTables,
    causalFlags,
    rswaPrefixLens,
    mmRanges,
  };
}
