// Random and corrupted calls of the TensorFlow ops under AddressSanitizer: a sample of what `npm run fuzz` draws.
import { spawnSync } from 'node:child_process';
import { run } from '../lib/run.mjs';

const CASES = 20_000;
const PROGRAM = 'packages/backend-node/scripts/fuzz.mjs';

export async function runTests() {
  const [compiler] = process.env.CXX ? [process.env.CXX] : ['g++', 'clang++'].filter(answers);
  if (process.platform === 'win32' || compiler === undefined) {
    return { passed: 0, failed: 0, skipped: 1, notes: ['skipped: no C++ compiler for the fuzzer'] };
  }
  const { code, output } = await run(process.execPath, [PROGRAM, String(CASES)], {
    stdout: 'pipe',
    echo: true,
  });
  const notes = [output.trim().split('\n').at(-1)];
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, notes };
}

const answers = (command) => spawnSync(command, ['--version']).status === 0;
