import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import '@tfjs-attention/backend-cpu';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { setBackend } from '@tensorflow/tfjs-core';
import { findStockWasm } from '@tfjs-attention/testing/node/stock_wasm';
import { apart, MODELS, modelFixture, outputsOf } from './fixtures.js';
import { fuseArtifacts } from './index.js';

const FUSED: Record<(typeof MODELS)[number], string[][]> = {
  bert: [
    ['scale', 'bias', 'transposes'],
    ['scale', 'bias', 'transposes'],
  ],
  vit: [['scale']],
  gpt: [['scale', 'causal', 'grouped heads', 'transposes']],
  gpt_fixed: [['scale', 'causal', 'grouped heads', 'transposes']],
  t5: [
    ['bias', 'transposes'],
    ['bias', 'transposes'],
  ],
  keras_multi_head: [['scale', 'mask']],
  keras_causal: [['scale', 'mask', 'causal']],
  keras_grouped: [['scale', 'causal', 'grouped heads']],
  no_attention: [],
  loops: [['scale'], ['scale']],
};

describe.each(['cpu', 'wasm'])('%s', (backend) => {
  beforeAll(async () => {
    findStockWasm();
    await setBackend(backend);
  });

  test.each(MODELS)('%s', async (name) => {
    const fixture = modelFixture(name);
    for (const prefer of ['auto', 'fused', 'stock'] as const) {
      const { artifacts, report } = await fuseArtifacts(fixture.artifacts, { prefer });
      expect(report.fused.map(({ features }) => features)).toEqual(FUSED[name]);
      const { values, kernels } = await outputsOf(artifacts, fixture.inputs);
      expect(apart(values, fixture.outputs)).toBeLessThan(1e-5);
      const runs = prefer !== 'stock' && FUSED[name].length > 0;
      expect(kernels.includes('TfjsAttnPrefill')).toBe(runs);
    }
  });
});
