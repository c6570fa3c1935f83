import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { whenChanged } from './inputs.mjs';
import { root } from './root.mjs';
import { mustRun } from './run.mjs';
import { workspaces } from './workspaces.mjs';

/** Installs what package-lock.json names, unless node_modules already holds exactly that. */
export function installDependencies() {
  return whenChanged({
    stamp: 'node_modules/.tfjs-attention/install',
    files: [
      'package.json',
      'package-lock.json',
      ...workspaces().map(({ folder }) => `${folder}/package.json`),
    ],
    outputs: ['node_modules/.package-lock.json'],
    rewrites: true,
    make: () => mustRun('npm', [...command(), '--loglevel=error', '--no-audit', '--no-fund']),
  });
}

/** `npm ci` empties node_modules first, which is only free where there is none. */
const command = () => (existsSync(join(root, 'node_modules')) ? ['install'] : ['ci']);
