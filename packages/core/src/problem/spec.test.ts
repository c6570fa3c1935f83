import { expect, test } from '@jest/globals';
import { FEATURE_BITS, type Feature } from './params.js';
import { featureFlags, specKey, type AttentionSpec } from './spec.js';

const spec: AttentionSpec = {
  phase: 'decode',
  headSize: 64,
  valueHeadSize: 64,
  queriesPerKv: 4,
  kv: { kind: 'paged', blockSize: 16 },
  kvDtype: 'int8',
  features: ['causal', 'window'],
  returnLse: false,
  precision: 'float32',
};

test('a key names every fact', () => {
  expect(specKey(spec)).toBe('decode h64 g4 paged16 int8 [causal,window] float32');
});

test('two specs that differ in one fact have two keys', () => {
  const changes: Partial<AttentionSpec>[] = [
    { phase: 'prefill' },
    { headSize: 32 },
    { valueHeadSize: 32 },
    { queriesPerKv: 2 },
    { kv: { kind: 'paged', blockSize: 8 } },
    { kv: { kind: 'dense', order: 'bsnh' } },
    { kv: { kind: 'dense', order: 'bnsh' } },
    { kvDtype: 'fp8_e4m3' },
    { features: [] },
    { features: ['causal'] },
    { returnLse: true },
    { precision: 'float16' },
  ];
  const keys = [spec, ...changes.map((change) => ({ ...spec, ...change }))].map(specKey);
  expect(new Set(keys).size).toBe(changes.length + 1);
});

test('flags are the sum of distinct bits', () => {
  const all = Object.keys(FEATURE_BITS) as Feature[];
  expect(featureFlags([])).toBe(0);
  expect(featureFlags(['causal', 'sinks'])).toBe(FEATURE_BITS.causal + FEATURE_BITS.sinks);
  expect(featureFlags(all)).toBe(2 ** all.length - 1);
});
