import { mustRun } from '../lib/run.mjs';

/** kernels/abi.h is written from the table of parameters in core. */
export const check = async () => {
  await mustRun(process.execPath, ['kernels/build/abi.js', '--check'], { stdout: 'pipe' });
};
