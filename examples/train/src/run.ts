import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { enableProdMode } from '@tensorflow/tfjs-core';
import { AttentionError, describeKernels, ready } from '@tfjs-attention/core';
import { CommanderError } from 'commander';
import type { Output } from '../../generate/src/cli.js';
import { withProgress } from '../../generate/src/progress.js';
import { chooseBackend } from '../../generate/src/tf_backend.js';
import { demand, reasonOf, UserError } from '../../generate/src/user_error.js';
import { bytesOf } from './byte_tokenizer.js';
import { saveCheckpoint } from './checkpoint.js';
import { parseTrainArguments, type TrainCliOptions } from './cli.js';
import { lossSvg } from './loss_plot.js';
import { TrainableModel } from './model.js';
import type { ModelShape } from './model_shape.js';
import { train } from './train.js';

/**
 * The whole program.
 *
 * @returns the exit code; mistakes of the user are told in one line and give 1.
 */
export async function run(
  args: readonly string[],
  defaultText: string,
  output: Output,
): Promise<number> {
  try {
    await runOptions(parseTrainArguments(args, defaultText, output), output);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (!(error instanceof UserError || error instanceof AttentionError)) throw error;
    output.stderr.write(`error: ${error.message}\n`);
    return 1;
  }
}

async function runOptions(options: TrainCliOptions, output: Output): Promise<void> {
  enableProdMode();
  const { steps, batch, length, rate, seed, out, quiet } = options;
  const shape = shapeOf(options);
  const tokens = bytesOf(readText(options.text));
  demand(
    tokens.length > length,
    `--length ${length} needs a text of more bytes; ${options.text} has ${tokens.length}`,
  );
  const { name } = await chooseBackend(options.backend);
  await ready(name);
  const model = new TrainableModel(shape, seed);
  try {
    const training = { steps, batch, length, learningRate: rate, seed };
    const begin = performance.now();
    const losses = await withProgress('training', steps, quiet, (update) =>
      train(model, tokens, training, update),
    );
    const seconds = (performance.now() - begin) / 1000;
    await saveCheckpoint(model, out);
    writeFileSync(join(out, 'loss.svg'), await lossSvg(losses));
    if (quiet) return;
    const mean = (part: readonly number[]) => part.reduce((a, b) => a + b, 0) / part.length;
    output.stderr.write(
      `${steps} steps in ${seconds.toFixed(1)} s on ${name} (${describeKernels(name)})\n` +
        `loss ${losses[0].toFixed(2)} -> ${mean(losses.slice(-10)).toFixed(2)} nats a byte, plot in ${join(out, 'loss.svg')}\n` +
        `npm start -- --model ${out}\n`,
    );
  } finally {
    model.dispose();
  }
}

function shapeOf({ layers, hidden, heads, kvHeads, length }: TrainCliOptions): ModelShape {
  demand(
    hidden % (2 * heads) === 0,
    `--hidden ${hidden} must be a multiple of twice --heads ${heads}: rotary embeddings turn pairs`,
  );
  demand(heads % kvHeads === 0, `--heads ${heads} must be a multiple of --kv-heads ${kvHeads}`);
  return {
    numLayers: layers,
    hiddenSize: hidden,
    intermediateSize: 3 * hidden,
    numHeads: heads,
    numKvHeads: kvHeads,
    maxPositions: length,
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError(`${path}: cannot be read (${reasonOf(error)})`);
  }
}
