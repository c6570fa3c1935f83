import type { Tensor } from '@tensorflow/tfjs-core';
import type { KvCacheLayout } from '../kv_cache/layout.js';
import type { AttentionPlan } from '../utils/plan_attention.js';
import type { AttentionOptions } from './options.js';
import type { AttentionProblem, AttentionTensors } from './problem.js';
import { check, checkHeads, checkTensor } from './checks.js';
import { KV_CACHE_DTYPES } from './params.js';
import { describeScore } from './score.js';
import { featureFlags } from './spec.js';

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
    `q has ${numTokens} tokens, the plan has ${plan.numTokens}: queryStartLoc must end with T`,
  );
  check(
    headSize === layout.headSize,
    op,
    `q has head size ${headSize}, the cache has ${layout.headSize}: they must agree`,
  );
  const { numKvHeads, valueHeadSize, blockSize } = layout;
  checkHeads(op, numHeads, numKvHeads);
  plan.checkFor(op, layout);
  const score = describeScore(op, options, headSize, {
    heads: numHeads,
    tokens: numTokens,
    keys: plan.maxSeqLen,
    widerKeys: true,
  });
  const lseShape = [numTokens, numHeads];
  return {
    tensors: { q, ...score.tensors },
    problem: {
      op,
      ints: plan,
      lseShape,
      outputShape: [...lseShape, valueHeadSize],
      spec: {
        phase: plan.maxQueryLen === 1 ? 'decode' : 'prefill',
        headSize,
        valueHeadSize,
        queriesPerKv: numHeads / numKvHeads,
        kv: { kind: 'paged', blockSize },
        kvDtype: layout.dtype,
        features: score.features,
        returnLse,
        precision,
      },
      params: {
        kScale: typeof layout.kScale === 'number' ? layout.kScale : 1,
        vScale: typeof layout.vScale === 'number' ? layout.vScale : 1,
        flags: featureFlags(score.features),
        kvDtype: KV_CACHE_DTYPES.indexOf(layout.dtype),
        numSeqs: plan.numSeqs,
        numHeads,
        numKvHeads,
        headSize,
        valueHeadSize,
        maxQueryLen: plan.maxQueryLen,
        maxSeqLen: plan.maxSeqLen,
        blockSize,
        maxBlocksPerSeq: plan.maxBlocksPerSeq,
        qStrideBatch: 0,
        qStrideToken: numHeads * headSize,
        qStrideHead: headSize,
        kStrideBatch: blockSize * numKvHeads * headSize,
        kStrideToken: numKvHeads * headSize,
        kStrideHead: headSize,
        vStrideBatch: blockSize * numKvHeads * valueHeadSize,
        vStrideToken: numKvHeads * valueHeadSize,
        vStrideHead: valueHeadSize,
        outStrideBatch: 0,
        outStrideToken: numHeads * valueHeadSize,
        outStrideHead: valueHeadSize,
        lseStrideBatch: 0,
        lseStrideToken: numHeads,
        lseStrideHead: 1,
        // Last: V8 takes 200 us for a long literal that begins with a spread, 2 us for one that ends with it.
        ...score.params,
      },
    },
  };
}
