import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DiskFiles } from '../checkpoint/disk_files.js';
import { TINY_LLAMA, variantPath } from '../fixtures.js';
import { withChangedConfig } from '../temp_checkpoint.js';
import { readModelConfig } from './config.js';
import { roundTo } from './embedding_scale.js';

const readConfig = (directory: string) => readModelConfig(new DiskFiles(directory));

const GEMMA2 = variantPath('gemma2-softcap');
const GPT_OSS = variantPath('gptoss-mxfp4');

test('reads the shipped checkpoint', () => {
  const config = readConfig(TINY_LLAMA);
  expect(config.architecture.name).toBe('LlamaForCausalLM');
  expect(config).toMatchObject({
    hiddenSize: 192,
    numHeads: 6,
    numKvHeads: 2,
    headSize: 32,
    maxPositions: 1024,
    rope: { type: 'default', theta: 10000 },
    tiedEmbeddings: true,
    embeddingScale: 1,
    qkvBias: false,
    outputBias: false,
    mlpBias: false,
    softmaxScale: 32 ** -0.5,
    logitsSoftCap: 0,
    finalSoftCap: 0,
    experts: null,
    slidingWindows: [null, null, null, null],
    bosTokenId: 0,
    eosTokenIds: [0],
  });
});

const QWEN2 = { architectures: ['Qwen2ForCausalLM'], attention_bias: undefined };

const readChanged = (changes: Record<string, unknown>, source = TINY_LLAMA) =>
  withChangedConfig(source, changes, readConfig);

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
    expect(config.architecture.name).toBe('LlamaForCausalLM');
    expect(config).toMatchObject({ numKvHeads: 6, headSize: 32 });
    expect(config.rope).toEqual({ type: 'default', theta: 20000 });
  });

  test('biases by architecture', async () => {
    const qwen2 = await readChanged(QWEN2);
    expect(qwen2).toMatchObject({ qkvBias: true, outputBias: false, mlpBias: false });
    const qwen3 = { architectures: ['Qwen3ForCausalLM'] };
    expect(await readChanged(qwen3)).toMatchObject({ qkvBias: false, outputBias: false });
    const biased = await readChanged({ ...qwen3, attention_bias: true });
    expect(biased).toMatchObject({ qkvBias: true, outputBias: true, mlpBias: false });
    const llama = await readChanged({ attention_bias: true, mlp_bias: true });
    expect(llama).toMatchObject({ qkvBias: true, outputBias: true, mlpBias: true });
    const gptOss = await readChanged({ attention_bias: undefined }, GPT_OSS);
    expect(gptOss).toMatchObject({ qkvBias: true, outputBias: true, mlpBias: false });
  });

  test("what Gemma 2's configs leave out", async () => {
    const config = await readChanged(
      {
        head_dim: undefined,
        layer_types: undefined,
        attn_logit_softcapping: undefined,
        final_logit_softcapping: undefined,
        hidden_activation: undefined,
        tie_word_embeddings: undefined,
        num_hidden_layers: 4,
      },
      GEMMA2,
    );
    expect(config).toMatchObject({
      headSize: 256,
      softmaxScale: 8 ** -0.5,
      logitsSoftCap: 50,
      finalSoftCap: 30,
      tiedEmbeddings: true,
      slidingWindows: [16, null, 16, null],
    });
    expect((await readChanged({ attn_logit_softcapping: null }, GEMMA2)).logitsSoftCap).toBe(0);
  });

  test("the embeddings' scale in the type of the weights", async () => {
    const scale = async (changes: Record<string, unknown>) =>
      (await readChanged(changes, GEMMA2)).embeddingScale;
    expect(await scale({ hidden_size: 4608 })).toBe(Math.fround(Math.sqrt(4608)));
    expect(await scale({ hidden_size: 4608, dtype: 'bfloat16' })).toBe(68);
    const old = { dtype: undefined, torch_dtype: 'bfloat16' };
    expect(await scale({ hidden_size: 3072, ...old })).toBe(55.5);
    expect(roundTo(1 / 3, 11)).toBe(1365 / 4096);
  });

  test('windows by layer', async () => {
    const windows = async (changes: Record<string, unknown>, source?: string) =>
      (await readChanged(changes, source)).slidingWindows;
    const mistral = variantPath('mistral-window');
    expect(await windows({}, mistral)).toEqual([16, 16, 16]);
    expect(await windows({ sliding_window: null }, mistral)).toEqual([null, null, null]);
    const layer_types = ['full_attention', 'sliding_attention', 'full_attention'];
    expect(await windows({ layer_types }, mistral)).toEqual([null, 16, null]);
    const qwen = { architectures: ['Qwen3ForCausalLM'], sliding_window: 8, max_window_layers: 3 };
    expect(await windows(qwen)).toEqual([null, null, null, null]);
    expect(await windows({ ...qwen, use_sliding_window: true })).toEqual([null, null, null, 8]);
  });

  test('experts under both of their names, and YaRN where gpt-oss says nothing', async () => {
    const experts = { count: 8, perToken: 2, limit: 7, quantized: true };
    expect((await readChanged({}, GPT_OSS)).experts).toEqual(experts);
    const { experts: read, rope } = await readChanged(
      {
        num_local_experts: undefined,
        num_experts: 16,
        experts_per_token: 4,
        quantization_config: undefined,
        swiglu_limit: 5,
        rope_scaling: undefined,
        rope_theta: undefined,
      },
      GPT_OSS,
    );
    expect(read).toEqual({ count: 16, perToken: 4, limit: 5, quantized: false });
    expect(rope).toMatchObject({ type: 'yarn', theta: 150000, factor: 32, truncate: false });
  });

  test('end tokens by generation_config.json where there is one', () =>
    withChangedConfig(TINY_LLAMA, { eos_token_id: 7 }, (directory) => {
      expect(readConfig(directory).eosTokenIds).toEqual([7]);
      const path = join(directory, 'generation_config.json');
      writeFileSync(path, JSON.stringify({ eos_token_id: [1, 2] }));
      expect(readConfig(directory).eosTokenIds).toEqual([1, 2]);
    }));
});

const MISTRAL = { architectures: ['MistralForCausalLM'] };

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
  [{ eos_token_id: 'end' }, /eos_token_id must be a token id or a list of them/],
  [{ quantization_config: { bits: 4 } }, /quantization_config: quant_method 'unnamed' is not/],
  [{ quantization_config: { quant_method: 'mxfp4' } }, /'mxfp4' is not supported for LlamaForC/],
  [{ layer_types: ['full_attention'] }, /layer_types has 1 entries for 4 layers/],
  [{ layer_types: Array(4).fill('chunked_attention') }, /layer_types: 'chunked_attention' is not/],
  [{ layer_types: Array(4).fill('sliding_attention') }, /asks for sliding_attention, but .* no w/],
  [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor must be 1, got 0.5/],
  [{ attn_logit_softcapping: 30 }, /attn_logit_softcapping 30 is not supported for LlamaForCau/],
  [{ num_local_experts: 8 }, /num_local_experts 8 is not supported for LlamaForCausalLM/],
  [{ use_bidirectional_attention: true }, /use_bidirectional_attention true is not supported/],
  [{ ...MISTRAL, attention_bias: true }, /attention_bias must be false for MistralForCausalLM/],
  [{ ...QWEN2, attention_bias: false }, /attention_bias must be true for Qwen2ForCausalLM/],
  [{ ...QWEN2, mlp_bias: true }, /mlp_bias must be false for Qwen2ForCausalLM/],
])('refuses %j, naming the file', (changes, message) => refuse(TINY_LLAMA, changes, message));

test.each([
  [GPT_OSS, { hidden_act: 'gelu' }, /hidden_act 'gelu' is not one of silu/],
  [GPT_OSS, { quantization_config: { quant_method: 'fp8' } }, /quant_method 'fp8' is not supp/],
  [GPT_OSS, { num_experts_per_tok: 9 }, /num_experts_per_tok 9 is more than the 8 experts/],
  [GEMMA2, { query_pre_attn_scalar: undefined }, /query_pre_attn_scalar must be a number/],
  [GEMMA2, { attn_logit_softcapping: 'none' }, /attn_logit_softcapping must be a number, got/],
])('refuses in %s %j', refuse);

function refuse(source: string, changes: Record<string, unknown>, message: RegExp): Promise<void> {
  return withChangedConfig(source, changes, (directory) => {
    expect(() => readConfig(directory)).toThrow(message);
    expect(() => readConfig(directory)).toThrow(join(directory, 'config.json'));
  });
}
