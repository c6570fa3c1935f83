import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { readModelConfig } from './config.js';
import { MISTRAL_WINDOW, TINY_LLAMA } from './fixtures.js';
import { withChangedConfig } from './temp_checkpoint.js';

test('reads the shipped checkpoint', () => {
  expect(readModelConfig(TINY_LLAMA)).toMatchObject({
    architecture: 'LlamaForCausalLM',
    hiddenSize: 192,
    numHeads: 6,
    numKvHeads: 2,
    headSize: 32,
    maxPositions: 1024,
    rope: { type: 'default', theta: 10000 },
    tiedEmbeddings: true,
    qkvBias: false,
    outputBias: false,
    mlpBias: false,
    slidingWindows: [null, null, null, null],
    bosTokenId: 0,
    eosTokenIds: [0],
  });
});

const readChanged = (changes: Record<string, unknown>, source = TINY_LLAMA) =>
  withChangedConfig(source, changes, readModelConfig);

describe('settles', () => {
  test('what older configs leave out', async () => {
    const config = await readChanged({
      architectures: undefined,
      head_dim: undefined,
      num_key_value_heads: undefined,
      rope_parameters: undefined,
      rope_theta: 20000,
      rope_scaling: null,
    });
    expect(config).toMatchObject({ architecture: 'LlamaForCausalLM', numKvHeads: 6, headSize: 32 });
    expect(config.rope).toEqual({ type: 'default', theta: 20000 });
  });

  test('biases by architecture', async () => {
    const qwen = await readChanged({ architectures: ['Qwen2ForCausalLM'] });
    expect(qwen).toMatchObject({ qkvBias: true, outputBias: false, mlpBias: false });
    const llama = await readChanged({ attention_bias: true, mlp_bias: true });
    expect(llama).toMatchObject({ qkvBias: true, outputBias: true, mlpBias: true });
  });

  test('windows by layer', async () => {
    const windows = async (changes: Record<string, unknown>, source?: string) =>
      (await readChanged(changes, source)).slidingWindows;
    expect(await windows({}, MISTRAL_WINDOW)).toEqual([16, 16, 16]);
    expect(await windows({ sliding_window: null }, MISTRAL_WINDOW)).toEqual([null, null, null]);
    const layer_types = ['full_attention', 'sliding_attention', 'full_attention'];
    expect(await windows({ layer_types }, MISTRAL_WINDOW)).toEqual([null, 16, null]);
    const qwen = { architectures: ['Qwen2ForCausalLM'], sliding_window: 8, max_window_layers: 3 };
    expect(await windows(qwen)).toEqual([null, null, null, null]);
    expect(await windows({ ...qwen, use_sliding_window: true })).toEqual([null, null, null, 8]);
  });

  test('end tokens by generation_config.json where there is one', () =>
    withChangedConfig(TINY_LLAMA, { eos_token_id: 7 }, (directory) => {
      expect(readModelConfig(directory).eosTokenIds).toEqual([7]);
      const path = join(directory, 'generation_config.json');
      writeFileSync(path, JSON.stringify({ eos_token_id: [1, 2] }));
      expect(readModelConfig(directory).eosTokenIds).toEqual([1, 2]);
    }));
});

test.each([
  [{ architectures: ['GPT2LMHeadModel'] }, /unknown architecture GPT2LMHeadModel; .* LlamaForC/],
  [{ architectures: undefined, model_type: 'bert' }, /unknown architecture model_type 'bert'/],
  [{ hidden_size: undefined }, /hidden_size must be a number, got undefined/],
  [{ hidden_size: '192' }, /hidden_size must be a number, got "192"/],
  [{ num_hidden_layers: 1.5 }, /num_hidden_layers must be an integer >= 1, got 1.5/],
  [{ num_key_value_heads: 4 }, /num_attention_heads 6 must be a multiple of .* 4/],
  [{ head_dim: 31 }, /head size 31 must be even/],
  [{ hidden_size: 190, head_dim: undefined }, /hidden_size 190 must be a multiple of/],
  [{ hidden_act: 'relu2' }, /hidden_act 'relu2' is not one of silu/],
  [{ rms_norm_eps: 0 }, /rms_norm_eps must be a number > 0, got 0/],
  [{ quantization_config: { bits: 4 } }, /quantization_config/],
  [{ eos_token_id: 'end' }, /eos_token_id must be a token id or a list of them/],
  [{ layer_types: ['full_attention'] }, /layer_types has 1 entries for 4 layers/],
])('refuses %j, naming the file', (changes, message) =>
  withChangedConfig(TINY_LLAMA, changes, (directory) => {
    expect(() => readModelConfig(directory)).toThrow(message);
    expect(() => readModelConfig(directory)).toThrow(join(directory, 'config.json'));
  }),
);
