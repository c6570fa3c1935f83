import type { CliOptions, Output } from './cli.js';
import type { ModelConfig } from './config/config.js';
import type { Job } from './job.js';
import type { DecoderModel } from './model/model.js';
import { withProgress } from './progress.js';
import { readPrompt, tokensOf } from './prompt.js';
import { idWriter, joinWriters, textWriter, type ResultWriter } from './result_writer.js';
import { generate, type GenerateResult } from './runner/generate.js';
import { makeSampler } from './runner/sampler.js';
import { SequenceRunner } from './runner/sequence_runner.js';
import { cacheText, group, samplingText, speedText, type Row } from './summary.js';
import type { TextTokenizer } from './tokenizer.js';

/** Continues one prompt, printing as it goes. */
export function promptJob(
  options: CliOptions,
  config: ModelConfig,
  tokenizer: TextTokenizer | undefined,
  output: Output,
): Job {
  const promptIds = readPrompt(options, config, tokenizer);
  const writer = makeWriter(options, tokenizer, promptIds, output);
  return {
    maxTokens: tokensOf(promptIds, options.maxTokens),
    run: (model) => runModel(model, options, promptIds, writer),
  };
}

async function runModel(
  model: DecoderModel,
  options: CliOptions,
  promptIds: readonly number[],
  writer: ResultWriter,
): Promise<Row[]> {
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
    return summaryRows(options, promptIds.length, result, runner.memory());
  } finally {
    runner.dispose();
  }
}

function summaryRows(
  options: CliOptions,
  promptTokens: number,
  { ids, prefillMs, decodeMs }: GenerateResult,
  memory: ReturnType<SequenceRunner['memory']>,
): Row[] {
  const decoded = ids.length - 1;
  return [
    ['KV cache', cacheText({ ...options, ...memory })],
    ['', `${group(memory.usedBytes)} of ${group(memory.bytes)} bytes used`],
    ['sampling', samplingText(options.sampling)],
    ['prefill', speedText(promptTokens, prefillMs)],
    ['decode', decoded > 0 ? speedText(decoded, decodeMs) : 'nothing after the first token'],
  ];
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
