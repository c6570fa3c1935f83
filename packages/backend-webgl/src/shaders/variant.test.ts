import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AttentionSpec } from '@tfjs-attention/core/provider';
import { expect, test } from '@jest/globals';
import { tileShape } from './tile_shape.js';
import { backwardShader, backwardShape, type BackwardStage } from './backward_variant.js';
import { attentionShader, type AttentionStage } from './variant.js';

const dense: AttentionSpec = {
  phase: 'prefill',
  headSize: 64,
  valueHeadSize: 64,
  queriesPerKv: 1,
  kv: { kind: 'dense', order: 'bsnh' },
  kvDtype: 'float32',
  features: [],
  returnLse: false,
  precision: 'float32',
};
const paged: AttentionSpec = {
  ...dense,
  phase: 'decode',
  queriesPerKv: 4,
  kv: { kind: 'paged', blockSize: 16 },
};

const text = (stage: AttentionStage, spec: AttentionSpec, drawBuffers: 4 | 8 = 8) =>
  attentionShader(stage, spec, tileShape(spec, drawBuffers, spec.phase === 'prefill'));

const GOLDEN: Readonly<Record<string, [AttentionStage, AttentionSpec, (4 | 8)?]>> = {
  queries: ['pack_queries', dense],
  weights_dense: ['weights', dense],
  weights_causal_window: ['weights', { ...dense, features: ['causal', 'window'] }],
  weights_score_features: ['weights', { ...dense, features: ['alibi', 'bias', 'qqBias', 'softcap'] }],
  weights_mask_features: ['weights', { ...dense, features: ['causal', 'chunk', 'mask', 'mmPrefix', 'rswa', 'window'] }],
  weights_decode_one_head: ['weights', { ...dense, phase: 'decode' }],
  weights_four_targets: ['weights', dense, 4],
  weights_paged_int8: ['weights', { ...paged, kvDtype: 'int8' }],
  weights_paged_fp8_token_scales: ['weights', { ...paged, kvDtype: 'fp8_per_token_head' }],
  pack_keys: ['pack_keys', dense],
  pack_values_paged_int8: ['pack_values', { ...paged, phase: 'prefill', kvDtype: 'int8_per_token_head' }],
  values_dense: ['values', dense],
  values_paged_float16: ['values', { ...paged, kvDtype: 'float16' }],
  finish_sinks: ['finish', { ...paged, features: ['sinks'] }],
  lse_heads_first: ['finish_lse', { ...dense, kv: { kind: 'dense', order: 'bnsh' } }],
}; // prettier-ignore

const GOLDEN_BACKWARD: Readonly<Record<string, [BackwardStage, AttentionSpec, (4 | 8)?]>> = {
  backward_weights: ['weights', { ...dense, features: ['causal', 'dropout', 'softcap'] }],
  backward_weights_four_targets: ['weights', dense, 4],
  backward_queries: ['dq', dense],
  backward_keys: ['dk', dense],
  backward_bias: ['dbias', { ...dense, features: ['bias'] }],
};

/** Composed shaders as they were reviewed; `UPDATE_GOLDEN=1` writes them anew. */
const FOLDER = join(dirname(fileURLToPath(import.meta.url)), '../../golden');

function expectAsReviewed(name: string, composed: string): void {
  const path = join(FOLDER, `${name}.frag`);
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(path, composed);
  expect(composed).toBe(readFileSync(path, 'utf8'));
}

test.each(Object.entries(GOLDEN))('%s is as reviewed', (name, [stage, spec, drawBuffers]) => {
  expectAsReviewed(name, text(stage, spec, drawBuffers));
});

test.each(Object.entries(GOLDEN_BACKWARD))(
  '%s is as reviewed',
  (name, [stage, spec, drawBuffers = 8]) => {
    expectAsReviewed(name, backwardShader(stage, spec, backwardShape(spec, drawBuffers)));
  },
);

test('stages that read no feature are shared by specs that differ in it', () => {
  const causal: AttentionSpec = { ...dense, features: ['causal'] };
  for (const stage of ['pack_queries', 'values', 'finish'] as const) {
    expect(text(stage, causal)).toBe(text(stage, dense));
  }
  expect(text('weights', causal)).not.toBe(text('weights', dense));
});
