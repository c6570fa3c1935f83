import { Command, Option } from 'commander';
import { count, integer, positive } from '../../generate/src/argument_parsers.js';
import type { Output } from '../../generate/src/cli.js';

/** What the command line asks for. */
export interface TrainCliOptions {
  text: string;
  out: string;
  backend?: string;
  steps: number;
  batch: number;
  length: number;
  layers: number;
  hidden: number;
  heads: number;
  kvHeads: number;
  rate: number;
  seed: number;
  quiet: boolean;
}

/** @throws commander's CommanderError, its message already written, also for `--help` (then with exit code 0). */
export function parseTrainArguments(
  args: readonly string[],
  defaultText: string,
  output: Output,
): TrainCliOptions {
  const option = (flags: string, description: string) => new Option(flags, description);
  const program = new Command('npm run train --')
    .description('Trains a small language model on a text and saves it for `npm start -- --model`.')
    .helpOption('--help', 'show this')
    .allowExcessArguments(false)
    .addOption(option('--text <file>', 'what to learn').default(defaultText, 'Genesis 1-3'))
    .addOption(option('--out <dir>', 'where the checkpoint goes').default('trained'))
    .addOption(option('--backend <name>', 'tfjs backend: wasm or cpu (default: the best)'))
    .addOption(option('--steps <n>', 'steps of the optimizer').argParser(count).default(300))
    .addOption(option('--batch <n>', 'stretches of text a step').argParser(count).default(8))
    .addOption(option('--length <n>', 'bytes of a stretch').argParser(count).default(128))
    .addOption(option('--layers <n>', 'blocks').argParser(count).default(2))
    .addOption(option('--hidden <n>', 'hidden size').argParser(count).default(64))
    .addOption(option('--heads <n>', 'query heads').argParser(count).default(4))
    .addOption(option('--kv-heads <n>', 'key and value heads').argParser(count).default(2))
    .addOption(option('--rate <x>', 'learning rate').argParser(positive).default(0.005))
    .addOption(option('--seed <s>', 'train the same way again').argParser(integer).default(1))
    .addOption(option('--quiet', 'nothing but mistakes').default(false))
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.stdout.write(text),
      writeErr: (text) => output.stderr.write(text),
    });
  return program.parse(args, { from: 'user' }).opts<TrainCliOptions>();
}
