import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../lib/root.mjs';
import { mustRun } from '../lib/run.mjs';

/** Builds once more from nothing: the test runners may have found an older dist. */
export async function check() {
  rmSync(join(root, 'node_modules/.tfjs-attention/build'), { force: true });
  await mustRun('npm', ['run', 'build'], { stdout: 'pipe' });
}
