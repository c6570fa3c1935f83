import { expect, test } from '@jest/globals';
import { AttentionType, isCacheless } from './attention_type.js';
import { getMlaDims, isQuantizedKvCache, PAD_SLOT_ID } from './utils.js';

const hfTextConfig = {
  kv_lora_rank: 512,
  qk_nope_head_dim: 128,
  qk_rope_head_dim: 64,
  v_head_dim: 128,
};

test('sizes of latent attention are read from the model', () => {
  const dims = { kvLoraRank: 512, qkNopeHeadDim: 128, qkRopeHeadDim: 64, vHeadDim: 128 };
  const model = { maxModelLen: 1, dtype: 'float32' as const };
  expect(getMlaDims({ ...model, hfTextConfig })).toEqual({ ...dims, qLoraRank: null });
  const compressed = { ...hfTextConfig, q_lora_rank: 1536 };
  expect(getMlaDims({ ...model, hfTextConfig: compressed }).qLoraRank).toBe(1536);
  expect(() => getMlaDims(model)).toThrow(/no latent attention/);
  expect(() => getMlaDims({ ...model, hfTextConfig: { kv_lora_rank: 512 } })).toThrow(
    /qk_nope_head_dim/,
  );
});

test.each([
  ['auto', false],
  ['bfloat16', false],
  ['float32', false],
  ['fp8', true],
  ['int8_per_token_head', true],
] as const)('%s is quantised: %s', (dtype, quantized) => {
  expect(isQuantizedKvCache(dtype)).toBe(quantized);
});

test('names are plain strings', () => {
  expect(Object.values(AttentionType)).toEqual([
    'decoder',
    'encoder',
    'encoder_only',
    'encoder_decoder',
  ]);
  expect(Object.values(AttentionType).filter(isCacheless)).toEqual(['encoder', 'encoder_only']);
  expect(PAD_SLOT_ID).toBe(-1);
});
