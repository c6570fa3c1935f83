import * as tf from '@tensorflow/tfjs-core';
import { CommonAttentionMetadata, type AttentionBackendEnum } from '@tfjs-attention/core';
import { describeDense } from '@tfjs-attention/core/reference';
import { makePaged, prefixSums } from '../paged_case.js';
import { inScope } from '../in_scope.js';
import type { ScoreFeatures } from '../score_features.js';
import type { Spec } from '../subject.js';
import { assertExpected, expectedOf } from '../tolerance.js';
import { BLOCK, builderOf, HEADS, implOf, LAYER, SIZE, type StrategyCase } from './step.js';

const RAGGED = [7, 1, 20];
const EVEN = [6, 6];

/** A step of requests that see themselves both ways and keep nothing: judged request by request. */
function encoderSpec(
  strategy: AttentionBackendEnum,
  attnType: 'encoder' | 'encoder_only',
  lengths: readonly number[],
  features: ScoreFeatures,
): Spec {
  const c: StrategyCase = {
    name: `${attnType}, ${lengths.join('+')} tokens, ${JSON.stringify(features)}`,
    strategy,
    attnType,
    queryLens: lengths,
    seqLens: lengths,
    features,
  };
  return {
    name: `${strategy}: ${c.name}`,
    run: () =>
      inScope(async () => {
        const { q, k, v, made } = makePaged({ ...c, heads: HEADS, size: SIZE, blockSize: BLOCK });
        const common = new CommonAttentionMetadata({
          queryStartLoc: prefixSums(lengths),
          seqLens: Int32Array.from(lengths),
          blockTable: new Int32Array(lengths.length),
          slotMapping: new Int32Array(q.shape[0]).fill(-1),
          causal: false,
        });
        const metadata = builderOf(c).build(0, common);
        const output = implOf(c, made).forward(LAYER, q, k, v, null, metadata);
        const starts = prefixSums(lengths);
        for (const [b, length] of lengths.entries()) {
          const [qb, kb, vb, ob] = [q, k, v, output].map((x) =>
            tf.expandDims(tf.slice(x, [starts[b]], [length]), 0),
          );
          const { problem } = describeDense('strategy', qb, kb, vb, {
            ...made.options,
            causal: false,
          });
          const [keys, values] = [await kb.data(), await vb.data()];
          const at = (j: number, head: number, lane: number) =>
            (j * HEADS[1] + head) * SIZE[0] + lane;
          const expected = expectedOf(problem, {
            q: await qb.data(),
            key: (_b, j, head, lane) => keys[at(j, head, lane)],
            value: (_b, j, head, lane) => values[at(j, head, lane)],
            ...made.host,
          });
          assertExpected({ output: await ob.data() }, expected);
        }
      }),
  };
}

export const encoderSpecs: readonly Spec[] = [
  encoderSpec('FLASH_ATTN', 'encoder', RAGGED, {}),
  encoderSpec('FLASH_ATTN', 'encoder_only', EVEN, { slidingWindow: 3, logitsSoftCap: 2 }),
  encoderSpec('FLASH_ATTN', 'encoder_only', RAGGED, { alibi: true }),
  encoderSpec('FLEX_ATTENTION', 'encoder_only', RAGGED, { slidingWindow: 3 }),
  encoderSpec('TORCH_SDPA', 'encoder', RAGGED, { alibi: true }),
  encoderSpec('TORCH_SDPA', 'encoder_only', EVEN, {}),
];
