import { mustRun } from '../lib/run.mjs';

export const check = async () => {
  await mustRun('npm', ['run', 'typecheck'], { stdout: 'pipe' });
};
