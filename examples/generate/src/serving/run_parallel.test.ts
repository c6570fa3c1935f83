import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { memory, setBackend } from '@tensorflow/tfjs-core';
import {
  CLEAR_GAP,
  openModel,
  openRunner,
  TINY_LLAMA,
  variantPath,
  type Variant,
} from '../fixtures.js';
import { run } from '../run.js';
import { withChangedConfig, withDirectory } from '../temp_checkpoint.js';

const SAMPLE = fileURLToPath(new URL('../../prompts.txt', import.meta.url));
const SAMPLE_LINES = readFileSync(SAMPLE, 'utf8').split('\n').filter(Boolean);

async function start(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await run(args, TINY_LLAMA, {
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (err += text) },
  });
  return { code, out, err };
}

/** Serves lines of a file of their own. */
function serve(lines: readonly string[], ...args: string[]) {
  return withDirectory((directory) => {
    const path = join(directory, 'prompts.txt');
    writeFileSync(path, lines.join('\n'));
    return start('--parallel', path, ...args);
  });
}

/** The output of a run for each prompt. */
async function oneByOne(prompts: readonly (readonly string[])[], common: readonly string[]) {
  let all = '';
  for (const prompt of prompts) all += (await start('--quiet', ...prompt, ...common)).out;
  return all;
}

beforeAll(() => setBackend('wasm'));

const asIds = (lines: readonly string[]) => lines.map((ids) => ['--prompt-ids', ids]);

function factsIn(summary: string) {
  const number = (pattern: RegExp) => Number(pattern.exec(summary)?.[1].replaceAll(',', ''));
  return {
    prompt: number(/prefix cache {2}\d+ of ([\d,]+) prompt tokens/),
    hits: number(/prefix cache {2}([\d,]+) of/),
    preemptions: summary.includes('preemptions   none') ? 0 : number(/preemptions {3}(\d+);/),
    generated: number(/serving {7}([\d,]+) tokens generated/),
    computed: number(/generated, ([\d,]+) computed/),
  };
}

/** Ids that the same `seed` always gives. */
const someIds = (length: number, seed: number) =>
  Array.from({ length }, (_, i) => 2 + ((i * 37 + seed * 53 + i * i * 11) % 120));

/** Seven prompts, four of which start alike. */
const LINES = [
  [...someIds(20, 14), 5],
  [...someIds(20, 14), 9, 12],
  someIds(3, 15),
  [...someIds(20, 14), 31],
  someIds(11, 16),
  [20],
  [...someIds(18, 14), 80, 81, 82],
].map((ids) => ids.join());
const MAX_TOKENS = ['--max-tokens', '24'];

describe.each(['cpu', 'wasm'])("on '%s', in a pool too small for all, as one by one", (backend) => {
  test.each([
    ['qwen3-shards', 24],
    // Layers with and without windows.
    ['gemma2-softcap', 45],
  ] as const)('%s', async (name, numBlocks) => {
    const tensors = memory().numTensors;
    const common = ['--backend', backend, ...MAX_TOKENS, '--model', variantPath(name)];
    const small = ['--num-blocks', `${numBlocks}`, '--block-size', '4'];
    const { code, out, err } = await serve(
      LINES,
      ...common,
      ...small,
      '--max-num-batched-tokens',
      '16',
    );
    expect(code).toBe(0);
    const { preemptions, hits, computed, prompt } = factsIn(err);
    expect(preemptions).toBeGreaterThan(0);
    expect(hits).toBeGreaterThan(0);
    expect(computed).toBeGreaterThan(prompt);
    expect(err).toContain(`at most ${numBlocks - 1} of ${numBlocks - 1} in use`);
    expect(out).toBe(await oneByOne(asIds(LINES), common));
    expect(memory().numTensors).toBe(tensors);
  });
});

test.each(['qwen3-shards', 'gemma2-softcap'] as const)(
  'choices of %s are clear enough for another order of summation',
  async (name) => {
    const model = await openModel(variantPath(name), 'wasm');
    const { out } = await serve(LINES, '--quiet', ...MAX_TOKENS, '--model', variantPath(name));
    out
      .trim()
      .split('\n')
      .forEach((line, i) => {
        const prompt = LINES[i].split(',').map(Number);
        const runner = openRunner(model);
        const scores = runner.score([...prompt, ...line.split(',').map(Number)]);
        const rows = scores.arraySync().slice(prompt.length - 1, -1);
        scores.dispose();
        runner.dispose();
        for (const row of rows) {
          const [first, second] = row.sort((a, b) => b - a);
          expect(first - second).toBeGreaterThan(CLEAR_GAP);
        }
      });
    model.dispose();
  },
);

describe('as one by one', () => {
  test('the sample prompts, as text', async () => {
    const common = ['--max-tokens', '16'];
    const small = ['--num-blocks', '30', '--block-size', '4', '--max-num-batched-tokens', '24'];
    const { out, err } = await start('--parallel', SAMPLE, ...common, ...small);
    expect(factsIn(err).preemptions).toBeGreaterThan(0);
    // Three of four requests find the ten blocks that they share with the first.
    expect(factsIn(err).hits).toBe(120);
    const prompts = SAMPLE_LINES.map((line) => ['--prompt', line]);
    expect(out).toBe(await oneByOne(prompts, common));
  });

  test.each([
    'llama3-rope-bf16',
    'mistral-window',
    'qwen2-yarn',
    'gptoss-sinks',
  ] as const satisfies Variant[])('%s', async (name) => {
    const lines = LINES.slice(0, 4);
    const common = ['--max-tokens', '8', '--model', variantPath(name)];
    const { out, err } = await serve(lines, ...common, '--block-size', '4');
    expect(factsIn(err)).toMatchObject({ preemptions: 0, hits: 40 });
    expect(out).toBe(await oneByOne(asIds(lines), common));
  });

  test.each(['float16', 'int8', 'fp8'])('with a cache of %s', async (dtype) => {
    const model = ['--model', variantPath('qwen3-shards')];
    const common = [...MAX_TOKENS, ...model, '--kv-cache-dtype', dtype];
    const { out, err } = await serve(LINES, ...common, '--num-blocks', '24', '--block-size', '4');
    expect(factsIn(err).preemptions).toBeGreaterThan(0);
    expect(out).toBe(await oneByOne(asIds(LINES), common));
  });

  test('drawing: each prompt with a seed of its own', async () => {
    const common = [...MAX_TOKENS, '--model', variantPath('qwen3-shards'), '--temperature', '1.5'];
    const small = ['--num-blocks', '24', '--block-size', '4'];
    const lines = [...LINES, LINES[0]];
    const { out, err } = await serve(lines, ...common, ...small, '--seed', '5');
    expect(factsIn(err).preemptions).toBeGreaterThan(0);
    const prompts = lines.map((ids, i) => ['--prompt-ids', ids, '--seed', `${5 + i}`]);
    expect(out).toBe(await oneByOne(prompts, common));
    const said = out.trim().split('\n');
    expect(said.at(-1)).not.toBe(said[0]);
  });

  test('ending at the end token', async () => {
    const [first] = (
      await start('--prompt-ids', LINES[0], '--model', variantPath('qwen3-shards'))
    ).out
      .trim()
      .split('\n');
    const eos_token_id = Number(first.split(',')[4]);
    await withChangedConfig(variantPath('qwen3-shards'), { eos_token_id }, async (model) => {
      const { out } = await serve(LINES, ...MAX_TOKENS, '--model', model);
      expect(out).toBe(await oneByOne(asIds(LINES), [...MAX_TOKENS, '--model', model]));
      const lengths = out
        .trim()
        .split('\n')
        .map((line) => line.split(',').length);
      expect(lengths[0]).toBeLessThanOrEqual(5);
      expect(Math.max(...lengths)).toBe(24);
    });
  });
});

describe('a start that prompts share', () => {
  const start = someIds(32, 4);
  const lines = [1, 2, 3, 4, 5].map((last) => [...start, last].join());
  const common = ['--model', variantPath('qwen3-shards'), '--max-tokens', '3'];

  test('is computed once', async () => {
    const { err } = await serve(lines, ...common);
    // 33 tokens of the first, the last of the four others, and all that was said but the last tokens.
    const computed = 33 + 4 + 5 * 2;
    const expected = { prompt: 165, hits: 4 * 32, computed, generated: 15, preemptions: 0 };
    expect(factsIn(err)).toEqual(expected);
    expect(err).toContain('128 of 165 prompt tokens found, a hit rate of 77.6 %');
  });

  test('is found by prompts that come when the others are gone', async () => {
    const { err } = await serve(lines, ...common, '--max-num-seqs', '1');
    expect(factsIn(err)).toMatchObject({ hits: 4 * 32, computed: 33 + 4 + 10 });
  });

  test('is computed every time with --no-prefix-caching', async () => {
    const [with_, without] = [
      await serve(lines, ...common),
      await serve(lines, ...common, '--no-prefix-caching'),
    ];
    expect(without.out).toBe(with_.out);
    expect(without.err).toContain('prefix cache  off');
    expect(factsIn(without.err).computed).toBe(165 + 10);
  });
});

describe('prints', () => {
  test('a line of ids a prompt with --print-ids, in the order of the file', async () => {
    const lines = ['In the beginning', '', '  ', 'And Noah\r'];
    const { out } = await serve(lines, '--print-ids', '--quiet', '--max-tokens', '3');
    const alone = await oneByOne(
      [
        ['--prompt', 'In the beginning'],
        ['--prompt', 'And Noah'],
      ],
      ['--print-ids', '--max-tokens', '3'],
    );
    expect(out).toBe(alone);
  });

  test('nothing but the result with --quiet', async () => {
    const { err } = await serve(['And Noah'], '--quiet', '--max-tokens', '2');
    expect(err).toBe('');
  });
});

describe('refuses in one line on stderr, before anything runs', () => {
  const ids = ['--model', variantPath('qwen3-shards')];
  test.each([
    [
      ['5,6', LINES[0]],
      [...ids, '--num-blocks', '6'],
      /prompts.txt:2: 21 prompt tokens and 64 new ones need 7 cache blocks/,
    ],
    [['5,6', '', '7,2000'], ids, /prompts.txt:3: the prompt's token 2000 is outside the model's/],
    [
      ['5,6', 'Noah'],
      ids,
      /prompts.txt:2: 'Noah' is no token id; this model has no tokenizer.json/,
    ],
    [['5', '6,'], ids, /prompts.txt:2: '' is no token id/],
    [['And Noah'], ['--max-tokens', '2000'], /prompts.txt:1: the prompt's \d+ tokens and 2000 new/],
    [['', '  '], [], /prompts.txt: holds no prompt; write one a line/],
  ])('%j %j', async (lines, args, message) => {
    const { code, out, err } = await serve(lines, ...args);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(message);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  test('a file that is not there', async () => {
    const { code, err } = await start('--parallel', '/nowhere/prompts.txt');
    expect(code).toBe(1);
    expect(err).toMatch(/\/nowhere\/prompts.txt: cannot be read \(ENOENT/);
  });
});
