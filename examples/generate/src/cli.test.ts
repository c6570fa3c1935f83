import { CommanderError } from 'commander';
import { describe, expect, test } from '@jest/globals';
import { parseArguments, type CliOptions } from './cli.js';

function parse(...args: string[]): { options?: CliOptions; said: string; code?: number } {
  let said = '';
  const sink = { write: (text: string) => (said += text) };
  try {
    const options = parseArguments(args, '/models/default', { stdout: sink, stderr: sink });
    return { options, said };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { said, code: error.exitCode };
  }
}

test('defaults', () =>
  expect(parse().options).toEqual({
    prompt: { text: 'In the beginning' },
    maxTokens: 64,
    sampling: { kind: 'greedy' },
    kvCacheDtype: 'auto',
    model: '/models/default',
    printIds: false,
    quiet: false,
    blockSize: 16,
    prefillChunk: 256,
  }));

describe('reads', () => {
  test('every option', () => {
    const line =
      '--prompt-ids 5,7,9 --max-tokens 3 --temperature 0.7 --top-k 4 --seed 1 --backend cpu --kv-cache-dtype bfloat16 ' +
      '--model dir --print-ids --quiet --wasm simd --threads 2 --block-size 8 --prefill-chunk 5';
    expect(parse(...line.split(' ')).options).toEqual({
      prompt: { ids: [5, 7, 9] },
      maxTokens: 3,
      sampling: { kind: 'random', temperature: 0.7, topK: 4, seed: 1 },
      backend: 'cpu',
      kvCacheDtype: 'bfloat16',
      model: 'dir',
      printIds: true,
      quiet: true,
      wasm: 'simd',
      threads: 2,
      blockSize: 8,
      prefillChunk: 5,
    });
  });

  test('--parallel and its options', () => {
    expect(parse('--parallel', 'file').options?.parallel).toEqual({
      promptsFile: 'file',
      numBlocks: undefined,
      maxNumSeqs: 16,
      maxNumBatchedTokens: 256,
      prefixCaching: true,
    });
    const line =
      '--parallel file --num-blocks 9 --max-num-seqs 3 --max-num-batched-tokens 7 --no-prefix-caching';
    expect(parse(...line.split(' ')).options?.parallel).toEqual({
      promptsFile: 'file',
      numBlocks: 9,
      maxNumSeqs: 3,
      maxNumBatchedTokens: 7,
      prefixCaching: false,
    });
  });

  test.each([
    ['int8', 'int8_per_token_head'],
    ['fp8', 'fp8_per_token_head'],
    ['int4', 'int4_per_token_head'],
    ['fp8_e5m2', 'fp8_e5m2'],
    ['int8_per_token_head', 'int8_per_token_head'],
  ])('the cache type %s as %s', (name, dtype) =>
    expect(parse('--kv-cache-dtype', name).options?.kvCacheDtype).toBe(dtype),
  );

  test('sampling that is half given', () => {
    const { sampling } = parse('--top-k', '5').options as CliOptions;
    expect(sampling).toMatchObject({ kind: 'random', temperature: 1, topK: 5 });
    const other = parse('--top-k', '5').options?.sampling;
    expect(other).not.toEqual(sampling);
    expect(parse('--greedy').options?.sampling).toEqual({ kind: 'greedy' });
  });
});

test('help goes to stdout and is no failure', () => {
  const { said, code } = parse('--help');
  expect(code).toBe(0);
  for (const name of ['--prompt-ids', '--kv-cache-dtype', '--prefill-chunk', 'tiny-llama']) {
    expect(said).toContain(name);
  }
});

test.each([
  [['--max-tokens', '0'], /--max-tokens <n>.*'0' is invalid. It must be at least 1/],
  [['--max-tokens', '1.5'], /'1.5' is invalid. It must be a whole number/],
  [['--max-tokens', 'many'], /'many' is invalid/],
  [['--max-tokens', '99999999999'], /whole number from 0 to 2147483647/],
  [['--temperature', '0'], /must be a number > 0; --greedy/],
  [['--temperature', 'NaN'], /'NaN' is invalid/],
  [['--top-k', '-3'], /'-3' is invalid/],
  [['--prompt-ids', ''], /must name at least one token id/],
  [['--prompt-ids', '1,,2'], /'1,,2' is invalid/],
  [['--prompt-ids', '1,x'], /'1,x' is invalid/],
  [['--kv-cache-dtype', 'int3'], /Allowed choices are auto, int8, fp8, int4, float32/],
  [['--wasm', 'mmx'], /Allowed choices are simd, relaxed, typescript/],
  [['--greedy', '--seed', '3'], /'--greedy' cannot be used with option '--seed <s>'/],
  [['--prompt', 'x', '--prompt-ids', '3'], /cannot be used with option '--prompt <text>'/],
  [
    ['--parallel', 'f', '--prompt', 'x'],
    /'--parallel <file>' cannot be used with .*'--prompt <text>'/,
  ],
  [['--parallel', 'f', '--prefill-chunk', '8'], /cannot be used with option '--prefill-chunk <n>'/],
  [['--parallel', 'f', '--max-num-batched-tokens', '0'], /It must be at least 1/],
  [['--num-blocks', '8'], /option '--num-blocks' needs --parallel <file>/],
  [['--no-prefix-caching'], /option '--no-prefix-caching' needs --parallel <file>/],
  [['--promt', 'x'], /unknown option '--promt'\n\(Did you mean --prompt/],
  [['extra'], /too many arguments/],
])('refuses %j', (args, message) => {
  const { said, code } = parse(...args);
  expect(said).toMatch(message);
  expect(code).toBe(1);
});
