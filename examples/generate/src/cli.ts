import { randomInt } from 'node:crypto';
import { Command, Option } from 'commander';
import { KV_CACHE_DTYPES, type KvCacheDtype } from '@tfjs-attention/core';
import { count, idList, integer, positive } from './argument_parsers.js';
import type { Sampling } from './runner/sampler.js';
import {
  addServingOptions,
  readServingOptions,
  type RawServingOptions,
  type ServingOptions,
} from './serving/serving_options.js';

/** What the command line asks for, every default settled. */
export interface CliOptions {
  /** Text or token ids. */
  prompt: { text: string } | { ids: readonly number[] };
  maxTokens: number;
  sampling: Sampling;
  /** tfjs backend name; undefined = the best that starts. */
  backend?: string;
  kvCacheDtype: KvCacheDtype | 'auto';
  /** Checkpoint directory. */
  model: string;
  printIds: boolean;
  quiet: boolean;
  wasm?: WasmModule;
  threads?: number;
  blockSize: number;
  prefillChunk: number;
  /** Many prompts at once instead of {@link prompt}. */
  parallel?: ServingOptions;
}

const WASM_MODULES = ['simd', 'relaxed', 'typescript'] as const;
export type WasmModule = (typeof WASM_MODULES)[number];

/** Short names of the command line: scales per token and head need no calibration, so those are meant. */
const DTYPE_ALIASES: Readonly<Record<string, KvCacheDtype>> = {
  int8: 'int8_per_token_head',
  fp8: 'fp8_per_token_head',
  int4: 'int4_per_token_head',
};

/** Streams that help and complaints go to. */
export interface Output {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
}

/**
 * Reads arguments (without `node` and the script).
 *
 * @throws commander's CommanderError, its message already written, also for `--help` (then with exit code 0).
 */
export function parseArguments(
  args: readonly string[],
  defaultModel: string,
  output: Output,
): CliOptions {
  const program = makeProgram(defaultModel)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.stdout.write(text),
      writeErr: (text) => output.stderr.write(text),
    });
  const given = program.parse(args, { from: 'user' }).opts<RawOptions>();
  const { backend, maxTokens, model, wasm, threads, blockSize, prefillChunk } = given;
  const { prompt, promptIds, kvCacheDtype } = given;
  return {
    prompt: promptIds === undefined ? { text: prompt } : { ids: promptIds },
    maxTokens,
    sampling: readSampling(given),
    backend,
    kvCacheDtype: DTYPE_ALIASES[kvCacheDtype] ?? (kvCacheDtype as KvCacheDtype | 'auto'),
    model,
    printIds: given.printIds ?? false,
    quiet: given.quiet ?? false,
    wasm,
    threads,
    blockSize,
    prefillChunk,
    parallel: readServingOptions(program, given),
  };
}

/** As commander hands it over. */
type RawOptions = Omit<
  CliOptions,
  'prompt' | 'sampling' | 'kvCacheDtype' | 'printIds' | 'quiet' | 'parallel'
> &
  RawServingOptions & {
    printIds?: boolean;
    quiet?: boolean;
    prompt: string;
    promptIds?: number[];
    temperature?: number;
    topK?: number;
    seed?: number;
    kvCacheDtype: string;
  };

function readSampling({
  temperature,
  topK,
  seed,
}: Pick<RawOptions, 'temperature' | 'topK' | 'seed'>): Sampling {
  if (temperature === undefined && topK === undefined && seed === undefined) {
    return { kind: 'greedy' };
  }
  return {
    kind: 'random',
    temperature: temperature ?? 1,
    topK: topK ?? null,
    seed: seed ?? randomInt(2 ** 31),
  };
}

function makeProgram(defaultModel: string): Command {
  const random = ['temperature', 'topK', 'seed'];
  const option = (flags: string, description: string) => new Option(flags, description);
  const program = new Command('npm start --')
    .description('Generates text with a decoder language model on a paged KV cache.')
    .helpOption('--help', 'show this')
    .allowExcessArguments(false)
    .addOption(option('--prompt <text>', 'text to continue').default('In the beginning'))
    .addOption(
      option('--prompt-ids <ids>', 'token ids to continue, comma-separated')
        .argParser(idList)
        .conflicts('prompt'),
    )
    .addOption(option('--max-tokens <n>', 'tokens to generate').argParser(count).default(64))
    .addOption(option('--greedy', 'always the likeliest token (default)').conflicts(random))
    .addOption(option('--temperature <x>', 'sample; < 1 is safer').argParser(positive))
    .addOption(option('--top-k <k>', 'sample among the k likeliest').argParser(count))
    .addOption(option('--seed <s>', 'sample the same way again').argParser(integer))
    .addOption(
      option(
        '--backend <name>',
        'tfjs backend: wasm, cpu, webgpu or tensorflow (default: the best)',
      ),
    )
    .addOption(
      option(
        '--kv-cache-dtype <type>',
        'stored type of keys and values; int8, fp8 and int4 scale each token',
      )
        .choices([
          'auto',
          'int8',
          'fp8',
          'int4',
          ...KV_CACHE_DTYPES.filter((name) => name !== 'int8'),
        ])
        .default('auto'),
    )
    .addOption(option('--model <dir>', 'checkpoint directory').default(defaultModel, 'tiny-llama'))
    .addOption(option('--print-ids', 'print the generated token ids, comma-separated'))
    .addOption(option('--quiet', 'nothing but the result'))
    .addOption(option('--wasm <kernels>', 'force the CPU kernels').choices(WASM_MODULES))
    .addOption(option('--threads <n>', 'threads of the CPU kernels').argParser(count))
    .addOption(option('--block-size <n>', 'tokens a cache block').argParser(count).default(16))
    .addOption(option('--prefill-chunk <n>', 'prompt tokens a step').argParser(count).default(256));
  return addServingOptions(program);
}
