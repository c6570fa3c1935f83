import '@tensorflow/tfjs-backend-cpu';
import '@tfjs-attention/backend-cpu';
import { expect, test } from '@jest/globals';
import { apart, outputsOf, patternFixtures, type Fixture } from './fixtures.js';
import { fuseArtifacts } from './index.js';

/** Features of the one attention in each, or the reason why there is none. */
const EXPECTED: Record<string, string[] | string> = {
  plain: ['scale'],
  transposed_keys: ['scale'],
  tokens_first: ['scale', 'transposes'],
  boolean_mask: ['scale', 'mask'],
  inverted_mask: ['scale', 'mask'],
  bias_then_scale: ['bias', 'scale'],
  computed_scale: ['computed scale'],
  soft_cap: ['scale', 'soft cap'],
  decomposed_softmax: ['scale'],
  one_head: [],
  matrices: [],
  merged_heads: ['scale', 'merged heads', 'bias'],
  where_einsum: ['scale', 'mask'],
  keras_two: ['scale', 'bias'],
  grouped_einsum: ['scale'],
  multi_query_einsum: ['scale'],
  repeated_by_tile: ['scale', 'grouped heads'],
  repeated_by_repeat: ['scale', 'grouped heads'],
  tiled_heads: ['scale'],
  causal_constant: ['scale', 'causal'],
  causal_offset: ['scale', 'causal'],
  sliding_window: ['scale', 'sliding window'],
  causal_product_and_difference: ['scale', 'causal'],
  causal_band_part: ['scale', 'causal'],
  causal_cumsum: ['scale', 'causal'],
  causal_and_padding: ['scale', 'causal', 'mask'],
  causal_and_left_padding: ['scale', 'causal', 'mask'],
  hidden_sequence: ['scale', 'bias'],
  weights_are_returned: "its weights are also read by Identity 'Identity_1'",
  weak_mask: 'a where fills scores with -3, which hides no key',
};

const fixtures = patternFixtures();

test('every pattern is expected', () => {
  expect([...fixtures.keys()].sort()).toEqual(Object.keys(EXPECTED).sort());
});

test.each(Object.entries(EXPECTED))('%s', async (name, expected) => {
  const fixture = fixtures.get(name) as Fixture;
  for (const prefer of ['fused', 'stock'] as const) {
    const { artifacts, report } = await fuseArtifacts(fixture.artifacts, { prefer });
    if (typeof expected === 'string') {
      expect(report.fused).toEqual([]);
      expect(report.skipped.map(({ reason }) => reason)).toEqual([expected]);
    } else {
      expect(report.skipped).toEqual([]);
      expect(report.fused.map(({ features }) => features)).toEqual([expected]);
    }
    const { values, kernels } = await outputsOf(artifacts, fixture.inputs);
    expect(apart(values, fixture.outputs)).toBeLessThan(1e-5);
    const fused = prefer === 'fused' && typeof expected !== 'string';
    expect(kernels.filter((kernel) => kernel.startsWith('TfjsAttn'))).toEqual(
      fused ? ['TfjsAttnPrefill'] : [],
    );
  }
});
