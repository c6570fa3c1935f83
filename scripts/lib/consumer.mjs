// An empty project beside the repository, with our packages installed from their tarballs as a stranger would.
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './root.mjs';
import { mustRun } from './run.mjs';
import { publicPackages } from './workspaces.mjs';

const TFJS = '4.22.0';
let project;

/** Path of the project; made at the first call and removed when the process ends. */
export function consumer() {
  project ??= install();
  return project;
}

async function install() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tfjs-attention-consumer-')));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const tarballs = join(folder, 'tarballs');
  mkdirSync(tarballs);
  for (const { folder: name } of publicPackages()) {
    await mustRun('npm', ['pack', '--pack-destination', tarballs, '-w', name], {
      cwd: root,
      stdout: 'pipe',
    });
  }
  writeFileSync(join(folder, 'package.json'), '{"name": "consumer", "private": true}\n');
  const files = readdirSync(tarballs).map((file) => `./tarballs/${file}`);
  const tfjs = ['tfjs', 'tfjs-backend-wasm'].map((name) => `@tensorflow/${name}@${TFJS}`);
  await mustRun(
    'npm',
    ['install', '--no-audit', '--no-fund', '--loglevel=error', ...files, ...tfjs],
    { cwd: folder, stdout: 'pipe' },
  );
  return folder;
}
