import { mustRun } from '../lib/run.mjs';

/** The API reference, with every warning an error. */
export const check = async () => {
  await mustRun('npm', ['run', 'docs'], { stdout: 'pipe' });
};
