import type { CliOptions, Output } from '../cli.js';
import type { ModelConfig } from '../config/config.js';
import type { Job } from '../job.js';
import type { DecoderModel } from '../model/model.js';
import { showsProgress, withProgress } from '../progress.js';
import { checkPrompt } from '../prompt.js';
import { idWriter, textWriter } from '../result_writer.js';
import { cacheSpecs } from '../runner/kv_caches.js';
import type { Row } from '../summary.js';
import type { TextTokenizer } from '../tokenizer.js';
import { Engine, type EngineOptions } from './engine.js';
import { InOrder } from './in_order.js';
import { longestText, poolSize } from './pool_size.js';
import { readIdLine, readPromptsFile } from './prompts_file.js';
import { servingRows } from './report.js';
import { ServingRequest } from './request.js';
import type { ServingOptions } from './serving_options.js';

/**
 * Serves the prompts of a file, many at once; prints each when it and all before it are finished, or all after a
 * progress bar.
 */
export function servingJob(
  options: CliOptions,
  serving: ServingOptions,
  config: ModelConfig,
  tokenizer: TextTokenizer | undefined,
  output: Output,
): Job {
  const requests = readRequests(options, serving, config, tokenizer);
  const layerNames = config.slidingWindows.map((_, i) => `layer ${i}`);
  const numBlocks = poolSize(cacheSpecs(layerNames, config, options), requests, serving);
  const maxModelLen = Math.max(...requests.map(longestText));
  const engineOptions = { ...options, ...serving, numBlocks, maxModelLen };
  const write = requestWriter(options, tokenizer, output);
  return {
    maxTokens: maxModelLen,
    run: (model) => serve(model, requests, engineOptions, options, write),
  };
}

function readRequests(
  options: CliOptions,
  { promptsFile }: ServingOptions,
  config: ModelConfig,
  tokenizer: TextTokenizer | undefined,
): ServingRequest[] {
  const { maxTokens, blockSize } = options;
  const prompts = readPromptsFile(promptsFile, (text) => {
    const ids = tokenizer === undefined ? readIdLine(text) : tokenizer.encode(text);
    checkPrompt(ids, options, config);
    return ids;
  });
  return prompts.map(({ place, ids }, index) => {
    const { eosTokenIds } = config;
    const prompt = { index, requestId: place, promptIds: ids };
    return new ServingRequest({ ...prompt, maxTokens, eosTokenIds, blockSize });
  });
}

async function serve(
  model: DecoderModel,
  requests: readonly ServingRequest[],
  engineOptions: EngineOptions,
  options: CliOptions,
  write: (request: ServingRequest) => void,
): Promise<Row[]> {
  const engine = new Engine(model, engineOptions);
  try {
    const start = performance.now();
    const total = requests.length * options.maxTokens;
    const held: ServingRequest[] = [];
    const printed = new InOrder<ServingRequest>(
      showsProgress(options.quiet) ? (request) => held.push(request) : write,
    );
    await withProgress('tokens', total, options.quiet, async (update) => {
      requests.forEach((request) => engine.add(request));
      while (engine.hasUnfinished) {
        for (const request of await engine.step()) printed.add(request);
        update(requests.reduce((sum, request) => sum + progressOf(request), 0));
      }
    });
    held.forEach(write);
    const elapsedMs = performance.now() - start;
    const { stats } = engine;
    return servingRows({ ...engineOptions, requests, stats, memory: engine.memory(), elapsedMs });
  } finally {
    engine.dispose();
  }
}

/** Tokens that need not be waited for; an early end leaves none. */
function progressOf({ isFinished, maxTokens, numOutputTokens }: ServingRequest): number {
  return isFinished ? maxTokens : numOutputTokens;
}

/** A request's ids where they are asked for or there is nothing else, otherwise its text. */
function requestWriter(
  { printIds }: CliOptions,
  tokenizer: TextTokenizer | undefined,
  { stdout }: Output,
): (request: ServingRequest) => void {
  const write = (text: string) => void stdout.write(text);
  return ({ promptIds, outputIds }) => {
    const writer =
      tokenizer === undefined || printIds
        ? idWriter(write)
        : textWriter(tokenizer, promptIds, write);
    writer.start();
    outputIds.forEach((id) => writer.token(id));
    writer.end(outputIds);
  };
}
