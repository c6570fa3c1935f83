import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { SetupError } from './setup_error.js';
import { complaint, type Shell } from './shell.js';

/** The release whose binding has been built and tried this way. */
const TRIED = '4.22.0';

/** A tfjs-node package as npm laid it down, working or not. */
export interface TfjsNode {
  name: '@tensorflow/tfjs-node' | '@tensorflow/tfjs-node-gpu';
  /** Installed version; undefined where it is still to be installed. */
  version?: string;
  /** Its folder, or where npm will put it. */
  folder: string;
}

/**
 * The tfjs-node that a project would load.
 *
 * @throws SetupError where the project is none, or holds a tfjs-node whose binding is another.
 */
export function findTfjsNode(project: string, gpu: boolean): TfjsNode {
  const manifest = join(project, 'package.json');
  if (!existsSync(manifest)) {
    throw new SetupError(`${project} has no package.json: name a project with --project`);
  }
  const name = gpu ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
  let found: string;
  try {
    found = createRequire(manifest).resolve(`${name}/package.json`);
  } catch {
    return { name, folder: join(project, 'node_modules', name) };
  }
  const { version } = JSON.parse(readFileSync(found, 'utf8')) as { version: string };
  if (!version.startsWith('4.')) {
    throw new SetupError(`${name} ${version} is installed; setup builds the binding of ${TRIED}`);
  }
  return { name, version, folder: dirname(found) };
}

/** What {@link installTfjsNode} runs: npm's download of JavaScript and sources, without the install script's. */
export const installArguments = ({ name }: TfjsNode): readonly string[] => [
  'install',
  '--ignore-scripts',
  `${name}@${TRIED}`,
];

/** @throws SetupError with npm's words. */
export async function installTfjsNode(
  shell: Shell,
  project: string,
  tfjsNode: TfjsNode,
): Promise<void> {
  const result = await shell('npm', installArguments(tfjsNode), { cwd: project, show: true });
  if (result.code !== 0) {
    throw new SetupError(`npm could not install ${tfjsNode.name}:\n${complaint(result)}`);
  }
}
