import { enableProdMode } from '@tensorflow/tfjs-core';
import { AttentionError, describeKernels, ready } from '@tfjs-attention/core';
import { CommanderError } from 'commander';
import { parseArguments, type CliOptions, type Output } from './cli.js';
import { generate } from './runner/generate.js';
import { forceKernels } from './kernels.js';
import { loadModel, readConfigOf } from './model/load_model.js';
import type { DecoderModel } from './model/model.js';
import { SequenceRunner } from './runner/sequence_runner.js';
import { withProgress } from './progress.js';
import { readPrompt, tokensOf } from './prompt.js';
import { idWriter, joinWriters, textWriter, type ResultWriter } from './result_writer.js';
import { makeSampler } from './runner/sampler.js';
import { summarize } from './summary.js';
import { chooseBackend } from './tf_backend.js';
import { TextTokenizer } from './tokenizer.js';
import { UserError } from './user_error.js';

/**
 * The whole program. Text or ids go to stdout, everything else to stderr.
 *
 * @returns the exit code; mistakes of the user are told in one line and give 1.
 */
export async function run(
  args: readonly string[],
  defaultModel: string,
  output: Output,
): Promise<number> {
  try {
    await runOptions(parseArguments(args, defaultModel, output), output);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (!(error instanceof UserError || error instanceof AttentionError)) throw error;
    output.stderr.write(`error: ${error.message}\n`);
    return 1;
  }
}

async function runOptions(options: CliOptions, output: Output): Promise<void> {
  // Also silences tfjs's advertisement of another package.
  enableProdMode();
  const config = readConfigOf(options.model);
  const tokenizer = TextTokenizer.load(options.model, config.bosTokenId);
  const promptIds = readPrompt(options, config, tokenizer);
  const writer = makeWriter(options, tokenizer, promptIds, output);

  forceKernels(options);
  const choice = await chooseBackend(options.backend);
  await ready(choice.name);
  const model = await withProgress('weights', config.numLayers, options.quiet, (update) =>
    loadModel(options.model, config, tokensOf(promptIds, options.maxTokens), update),
  );
  try {
    const facts = await runModel(model, options, promptIds, writer);
    if (options.quiet) return;
    const kernels = describeKernels(choice.name);
    output.stderr.write(`\n${summarize({ ...options, ...facts, config, choice, kernels })}`);
  } finally {
    model.dispose();
  }
}

async function runModel(
  model: DecoderModel,
  options: CliOptions,
  promptIds: readonly number[],
  writer: ResultWriter,
) {
  const { blockSize, prefillChunk, kvCacheDtype, maxTokens, quiet } = options;
  const capacity = tokensOf(promptIds, maxTokens);
  const paging = { maxTokens: capacity, blockSize, prefillChunk, kvCacheDtype };
  const runner = new SequenceRunner(model, paging);
  try {
    const result = await withProgress('prompt', promptIds.length, quiet, (update) =>
      generate(runner, {
        promptIds,
        maxTokens,
        eosTokenIds: model.config.eosTokenIds,
        sampler: makeSampler(options.sampling),
        onPrefill: (done) => {
          update(done);
          if (done === promptIds.length) writer.start();
        },
        onToken: (id) => writer.token(id),
      }),
    );
    writer.end(result.ids);
    return { result, memory: runner.memory(), promptTokens: promptIds.length };
  } finally {
    runner.dispose();
  }
}

/** Text where it can be had and is wanted; ids where they are asked for or there is nothing else. */
function makeWriter(
  { quiet, printIds }: CliOptions,
  tokenizer: TextTokenizer | undefined,
  promptIds: readonly number[],
  { stdout }: Output,
): ResultWriter {
  const write = (text: string) => void stdout.write(text);
  const ids = idWriter(write);
  if (tokenizer === undefined || (quiet && printIds)) return ids;
  const text = textWriter(tokenizer, promptIds, write);
  return printIds ? joinWriters([text, ids]) : text;
}
