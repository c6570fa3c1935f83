import { mustRun } from '../lib/run.mjs';
import { publicPackages } from '../lib/workspaces.mjs';

/** publint and arethetypeswrong on every package as npm would publish it. */
export async function check() {
  for (const { folder } of publicPackages()) {
    await mustRun('npx', ['--no', 'publint', folder, '--strict'], { stdout: 'pipe' });
    await mustRun('npx', ['--no', 'attw', '--', '--pack', folder, '--profile', 'node16'], {
      stdout: 'pipe',
    });
  }
  return publicPackages()
    .map(({ manifest }) => manifest.name)
    .join(', ');
}
