#!/usr/bin/env node
import { readOptions, USAGE } from './options.js';
import { setUpTensorFlow } from './setup.js';
import { SetupError } from './setup_error.js';
import { shell } from './shell.js';

const say = (text: string) => void process.stderr.write(text);

try {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(USAGE);
  else await setUpTensorFlow(options, shell, say);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(`${error.message}\n`);
  process.exitCode = 1;
}
