import { enableProdMode } from '@tensorflow/tfjs-core';
import { AttentionError, describeKernels, ready } from '@tfjs-attention/core';
import { CommanderError } from 'commander';
import { DiskFiles } from './checkpoint/disk_files.js';
import { parseArguments, type CliOptions, type Output } from './cli.js';
import { readModelConfig } from './config/config.js';
import { forceKernels } from './kernels.js';
import { loadModel } from './model/load_model.js';
import { withProgress } from './progress.js';
import { promptJob } from './run_prompt.js';
import { servingJob } from './serving/run_parallel.js';
import { environmentRows, formatRows } from './summary.js';
import { loadTensorFlow } from './tensorflow.js';
import { chooseBackend } from './tf_backend.js';
import { TextTokenizer } from './tokenizer.js';
import { UserError } from './user_error.js';
import { loadWebGpu } from './webgpu.js';

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
  const { parallel, quiet } = options;
  const files = new DiskFiles(options.model);
  const config = readModelConfig(files);
  const tokenizer = TextTokenizer.load(files, config.bosTokenId);
  const job =
    parallel === undefined
      ? promptJob(options, config, tokenizer, output)
      : servingJob(options, parallel, config, tokenizer, output);

  forceKernels(options);
  if (options.backend === 'tensorflow') await loadTensorFlow(options.threads);
  if (options.backend === 'webgpu') await loadWebGpu();
  const choice = await chooseBackend(options.backend);
  await ready(choice.name);
  const model = await withProgress('weights', config.numLayers, quiet, (update) =>
    loadModel(files, config, job.maxTokens, update),
  );
  try {
    const rows = await job.run(model);
    if (quiet) return;
    const kernels = describeKernels(choice.name);
    const facts = { ...options, config, choice, kernels };
    output.stderr.write(`\n${formatRows([...environmentRows(facts), ...rows])}`);
  } finally {
    model.dispose();
  }
}
