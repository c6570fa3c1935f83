import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { SetupError } from './setup_error.js';
import type { Shell } from './shell.js';

/** What the set-up borrows from the machine. */
export interface Tools {
  /** Python 3 with a pip that can report. */
  python: string;
  /** C++17 compiler. */
  compiler: string;
  /** Folder of node_api.h. */
  nodeHeaders: string;
}

const OLDEST_PIP = [22, 2];

/**
 * Finds the tools; PYTHON and CXX name others than the usual ones.
 *
 * @throws SetupError that names everything missing at once, with the packages that bring it on Debian.
 */
export async function findTools(
  shell: Shell,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Tools> {
  const python = await firstOf(named(environment.PYTHON, ['python3', 'python']), (command) =>
    hasPip(shell, command),
  );
  const compiler = await firstOf(
    named(environment.CXX, ['g++', 'clang++', 'c++']),
    async (command) => (await shell(command, ['--version'])).code === 0,
  );
  const nodeHeaders = findNodeHeaders();
  if (python !== undefined && compiler !== undefined && nodeHeaders !== undefined) {
    return { python, compiler, nodeHeaders };
  }
  const missing = [
    python ?? `Python 3 with pip ${OLDEST_PIP.join('.')} or newer (Debian: python3 python3-pip)`,
    compiler ?? 'a C++17 compiler (Debian: g++)',
    nodeHeaders ?? 'the headers of Node (npm install node-api-headers)',
  ].filter((_, i) => [python, compiler, nodeHeaders][i] === undefined);
  throw new SetupError(`setup lacks ${missing.join('; ')}`);
}

const named = (name: string | undefined, usual: readonly string[]) => (name ? [name] : usual);

async function firstOf(
  commands: readonly string[],
  works: (command: string) => Promise<boolean>,
): Promise<string | undefined> {
  for (const command of commands) if (await works(command)) return command;
  return undefined;
}

async function hasPip(shell: Shell, python: string): Promise<boolean> {
  const { code, stdout } = await shell(python, ['-m', 'pip', '--version']);
  const found = /^pip (\d+)\.(\d+)/.exec(stdout);
  if (code !== 0 || found === null) return false;
  const [major, minor] = [Number(found[1]), Number(found[2])];
  return major > OLDEST_PIP[0] || (major === OLDEST_PIP[0] && minor >= OLDEST_PIP[1]);
}

/** Those of the running Node's distribution, else those of npm's package of them. */
function findNodeHeaders(): string | undefined {
  const folders = [join(dirname(process.execPath), '../include/node'), '/usr/include/node'];
  try {
    const manifest = createRequire(import.meta.url).resolve('node-api-headers/package.json');
    folders.push(join(dirname(manifest), 'include'));
  } catch {
    // Not installed: the other places may do.
  }
  return folders.find((folder) => existsSync(join(folder, 'node_api.h')));
}
