import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { memory } from '@tensorflow/tfjs-core';
import { readReference, TINY_LLAMA, variantPath } from './fixtures.js';
import { run } from './run.js';
import { DiskFile } from './checkpoint/disk_files.js';
import { SafetensorsFile } from './checkpoint/safetensors.js';
import {
  float32Tensor,
  safetensorsBytes,
  withChangedConfig,
  withDirectory,
  type RawTensor,
} from './temp_checkpoint.js';

async function start(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await run(args, TINY_LLAMA, {
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (err += text) },
  });
  return { code, out, err };
}

const { cases } = readReference('tiny-llama');
const ids = (given: { ids: number[]; greedyIds: number[] }) =>
  `${given.greedyIds.slice(given.ids.length).join(',')}\n`;

describe('prints', () => {
  test('the text, then a summary apart from it', async () => {
    const { code, out, err } = await start();
    expect(code).toBe(0);
    expect(out).toBe(`${cases[0].greedyText}\n`);
    for (const part of [
      /tfjs backend {2}wasm: highest priority/,
      /not cpu: lower priority/,
      /attention {5}FLASH_ATTN on FUSED: WASM (relaxed )?SIMD/,
      /not COMPOSED: /,
      /KV cache {6}float32 \(auto\), 6 blocks of 16 tokens, one of them the null block/,
      /163,840 of 196,608 bytes used/,
      /sampling {6}greedy/,
      /prefill {7}5 tokens in \d+ ms, [\d.,]+ tokens\/s/,
      /decode {8}63 tokens in \d+ ms, [\d.,]+ tokens\/s/,
    ]) {
      expect(err).toMatch(part);
    }
  });

  test('ids alone with --quiet --print-ids', async () => {
    const { ids: prompt, ...rest } = cases[1];
    const { code, out, err } = await start('--quiet', '--print-ids', '--prompt-ids', prompt.join());
    expect({ code, out, err }).toEqual({ code: 0, out: ids({ ids: prompt, ...rest }), err: '' });
  });

  test('text and ids with --print-ids', async () => {
    const { out } = await start('--print-ids', '--quiet', '--max-tokens', '2');
    const both = await start('--print-ids', '--max-tokens', '2');
    expect(both.out).toBe(`In the beginning of the\n${out}`);
  });

  test.each([
    ['llama3-rope-bf16', 0],
    ['mistral-window', 2],
    ['qwen2-yarn', 2],
    ['qwen3-shards', 2],
    ['gemma2-softcap', 2],
    ['gptoss-sinks', 0],
    ['gptoss-mxfp4', 1],
  ] as const)('ids of %s, which has no tokenizer', async (name, index) => {
    const expected = readReference(name).cases[index];
    const prompt = ['--prompt-ids', expected.ids.join()];
    const model = ['--model', variantPath(name)];
    const { out } = await start(...model, ...prompt, '--max-tokens', '24');
    // Hugging Face was told to go on after the end token, 1.
    const end = expected.greedyIds.indexOf(1, expected.ids.length);
    const greedyIds = expected.greedyIds.slice(0, end < 0 ? undefined : end + 1);
    expect(out).toBe(ids({ ids: expected.ids, greedyIds }));
  });
});

describe('options', () => {
  test.each(['cpu', 'wasm'])("--backend '%s' is taken and said", async (backend) => {
    const { out, err } = await start('--backend', backend, '--max-tokens', '3');
    expect(out).toBe('In the beginning of the LORD\n');
    expect(err).toMatch(new RegExp(`tfjs backend {2}${backend}: asked for`));
  });

  test.each(['float16', 'int8', 'fp8_e5m2'])('--kv-cache-dtype %s', async (dtype) => {
    const { out, err } = await start('--kv-cache-dtype', dtype, '--max-tokens', '3');
    expect(out).toBe('In the beginning of the LORD\n');
    expect(err).toMatch(`KV cache      ${dtype}`);
  });

  test('the same seed gives the same text', async () => {
    const sampled = (seed: string) =>
      start('--temperature', '1.2', '--top-k', '50', '--seed', seed, '--quiet');
    const { out } = await sampled('5');
    expect((await sampled('5')).out).toBe(out);
    expect((await sampled('6')).out).not.toBe(out);
  });

  test('--block-size and --prefill-chunk change nothing that is said', async () => {
    const { out } = await start('--quiet', '--block-size', '3', '--prefill-chunk', '2');
    expect(out).toBe(`${cases[0].greedyText}\n`);
  });

  describe('kernels', () => {
    afterEach(async () => {
      const { forceKernels } = await import('./kernels.js');
      forceKernels({ wasm: 'simd', threads: 1 });
    });
    test.each([
      [['--wasm', 'simd'], /WASM SIMD, 1 thread/],
      [['--wasm', 'typescript'], /TypeScript/],
      [['--threads', '2'], /2 threads/],
    ])('%j', async (args, words) => {
      const { out, err } = await start(...args, '--max-tokens', '3');
      expect(out).toBe('In the beginning of the LORD\n');
      expect(err).toMatch(words);
    });
  });
});

describe('refuses in one line on stderr', () => {
  const refuse = async (args: string[], message: RegExp | string) => {
    const tensors = memory().numTensors;
    const { code, out, err } = await start(...args);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(message);
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(memory().numTensors).toBe(tensors);
  };

  test.each([
    [['--model', '/nowhere'], /\/nowhere: no such directory/],
    [
      ['--prompt', 'x', '--model', variantPath('mistral-window')],
      /mistral-window\/tokenizer.json: no such file/,
    ],
    [['--prompt-ids', '2048'], /the prompt's token 2048 is outside the model's vocabulary of 2048/],
    [['--max-tokens', '1021'], /prompt's 5 tokens and 1021 new ones exceed the 1024 positions/],
    [['--prompt', 'and '.repeat(1100)], /exceed the 1024 positions/],
    [['--backend', 'abacus'], /--backend 'abacus' is not registered; there are wasm, cpu/],
  ])('%j', refuse);

  test('a config of another architecture', () =>
    withChangedConfig(TINY_LLAMA, { architectures: ['GPT2LMHeadModel'] }, (model) =>
      refuse(['--model', model], /config.json: unknown architecture GPT2LMHeadModel/),
    ));

  test('weights of another shape than the config says', () =>
    withChangedConfig(TINY_LLAMA, { intermediate_size: 500 }, (model) =>
      refuse(
        ['--model', model],
        /model.safetensors: tensor 'model.layers.0.mlp.gate_proj.weight' has shape \[512, 192\], .* asks for \[500, 192\]/,
      ),
    ));

  test('weights without a tensor that the config asks for', () =>
    withChangedConfig(TINY_LLAMA, { tie_word_embeddings: false }, (model) =>
      refuse(['--model', model], /model.safetensors: has no tensor 'lm_head.weight'/),
    ));

  test.each([
    // The norms of queries and keys would be left out without a word.
    ['qwen3-shards', 'LlamaForCausalLM', /index.json: tensor 'model.layers.0.self_attn.[qk]_norm/],
    [
      'qwen2-yarn',
      'MistralForCausalLM',
      /model.safetensors: tensor '.*_proj.bias' has no place in/,
    ],
    ['qwen2-yarn', 'Qwen3ForCausalLM', /has no tensor 'model.layers.0.self_attn.q_norm.weight'/],
  ] as const)('%s called a %s', (name, architecture, message) => {
    const changes = { architectures: [architecture], head_dim: name === 'qwen2-yarn' ? 8 : 16 };
    return withChangedConfig(variantPath(name), changes, (model) =>
      refuse(['--model', model, '--prompt-ids', '3'], message),
    );
  });

  test.each(['config.json', 'model.safetensors'])('a directory without %s', (name) =>
    withDirectory((directory) => {
      cpSync(TINY_LLAMA, directory, { recursive: true });
      rmSync(join(directory, name));
      return refuse(['--model', directory], `${name}: cannot be`);
    }),
  );

  test('a tokenizer that is no tokenizer', () =>
    withDirectory((directory) => {
      cpSync(TINY_LLAMA, directory, { recursive: true });
      writeFileSync(join(directory, 'tokenizer.json'), '{"model": {"type": "Abacus"}}');
      return refuse(['--model', directory], /tokenizer.json: cannot be used/);
    }));
});

describe('checkpoints in other forms', () => {
  const prompt = ['--prompt-ids', '3,9,27', '--quiet', '--print-ids', '--max-tokens', '12'];

  /** Every tensor of a fixture as float32. */
  function readAll(directory: string): Record<string, RawTensor> {
    const path = join(directory, 'model.safetensors');
    const bytes = readFileSync(path);
    const header = bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString();
    const names = Object.keys(JSON.parse(header) as object).filter(
      (name) => name !== '__metadata__',
    );
    const file = new SafetensorsFile(new DiskFile(path));
    const entries = names.map((name) => {
      const values: number[] = [];
      file.visit(name, (piece) => values.push(...piece));
      return [name, float32Tensor(file.shapeOf(name) ?? [], values)];
    });
    file.close();
    return Object.fromEntries(entries) as Record<string, RawTensor>;
  }

  /** Runs tensors with the fixture's config. */
  const runWith = (source: string, changes: object, tensors: Record<string, RawTensor>) =>
    withChangedConfig(source, { ...changes }, (directory) => {
      writeFileSync(join(directory, 'model.safetensors'), safetensorsBytes(tensors));
      return start('--model', directory, ...prompt);
    });

  test('float32 shards say what one bfloat16 file says', () =>
    withChangedConfig(variantPath('llama3-rope-bf16'), {}, async (directory) => {
      rmSync(join(directory, 'model.safetensors'));
      const tensors = Object.entries(readAll(variantPath('llama3-rope-bf16')));
      const shards = { 'a.safetensors': tensors.slice(0, 9), 'b.safetensors': tensors.slice(9) };
      const weight_map: Record<string, string> = {};
      for (const [name, part] of Object.entries(shards)) {
        writeFileSync(join(directory, name), safetensorsBytes(Object.fromEntries(part)));
        part.forEach(([tensor]) => (weight_map[tensor] = name));
      }
      writeFileSync(
        join(directory, 'model.safetensors.index.json'),
        JSON.stringify({ weight_map }),
      );
      const { out } = await start('--model', directory, ...prompt);
      expect(out).toBe((await start('--model', variantPath('llama3-rope-bf16'), ...prompt)).out);
      expect(out.split(',')).toHaveLength(12);
    }));

  test('biases: of values and outputs cancel, of queries do not', async () => {
    const tensors = readAll(variantPath('llama3-rope-bf16'));
    const { out: plain } = await start('--model', variantPath('llama3-rope-bf16'), ...prompt);
    const zeros = (n: number) => float32Tensor([n], new Float32Array(n));
    const valueBias = Float32Array.from({ length: 16 }, (_, i) => Math.sin(i));
    const biased = (queryBias: RawTensor) => {
      const all = { ...tensors };
      for (let layer = 0; layer < 3; layer++) {
        const name = `model.layers.${layer}.self_attn`;
        all[`${name}.q_proj.bias`] = queryBias;
        all[`${name}.k_proj.bias`] = zeros(16);
        all[`${name}.v_proj.bias`] = float32Tensor([16], valueBias);
        // Attention weights sum to 1, so head n passes on the bias of KV head floor(n / 3) as it is.
        const output = new Float32Array(tensors[`${name}.o_proj.weight`].data.slice().buffer);
        const passed = Float32Array.from({ length: 48 }, (_, row) => {
          let sum = 0;
          for (let i = 0; i < 48; i++) {
            sum -= output[row * 48 + i] * valueBias[Math.floor(i / 24) * 8 + (i % 8)];
          }
          return sum;
        });
        all[`${name}.o_proj.bias`] = float32Tensor([48], passed);
      }
      return runWith(variantPath('llama3-rope-bf16'), { attention_bias: true }, all);
    };
    expect((await biased(zeros(48))).out).toBe(plain);
    const strong = float32Tensor([48], new Float32Array(48).fill(5));
    expect((await biased(strong)).out).not.toBe(plain);
  });

  test('a shipped head of its own is read where the embeddings are not tied', async () => {
    const tensors = readAll(variantPath('llama3-rope-bf16'));
    const own = { ...tensors, 'lm_head.weight': tensors['model.embed_tokens.weight'] };
    const { out } = await runWith(
      variantPath('llama3-rope-bf16'),
      { tie_word_embeddings: false },
      own,
    );
    expect(out).toBe((await start('--model', variantPath('llama3-rope-bf16'), ...prompt)).out);
  });
});
