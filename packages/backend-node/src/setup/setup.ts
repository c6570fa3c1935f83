import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { compileBinding } from './binding.js';
import { cudaNeeds } from './cuda.js';
import { isSetUp, writeMarker } from './marker.js';
import type { SetupOptions } from './options.js';
import { planText } from './plan.js';
import { chooseWheel } from './releases.js';
import type { Shell } from './shell.js';
import { findTfjsNode, installTfjsNode } from './tfjs_node.js';
import { findTools, type Tools } from './tools.js';
import { unpackWheel } from './unpack.js';
import { missingLibraries, verify } from './verify.js';
import { fetchWheel, findWheel } from './wheel.js';

export type Say = (text: string) => void;

/** The machine that is set up, as Node's `process` describes it. */
export type Host = Pick<NodeJS.Process, 'platform' | 'arch' | 'env'>;

/**
 * Puts the TensorFlow of a wheel under a project's tfjs-node; see docs/tensorflow.md. What cannot work (machine, version,
 * tools, hash) is refused before anything is written, and libraries that were there stay until the new ones are whole.
 *
 * @throws SetupError with the way out.
 */
export async function setUpTensorFlow(
  options: SetupOptions,
  shell: Shell,
  say: Say,
  host: Host = process,
): Promise<void> {
  const request = chooseWheel(options, host);
  const tfjsNode = findTfjsNode(options.project, options.gpu);
  if (!options.force && isSetUp(tfjsNode.folder, request)) {
    const { version } = await verify(shell, tfjsNode, request.version);
    say(`${tfjsNode.name} ${tfjsNode.version} is set up on TensorFlow ${version} already\n`);
    return;
  }
  const tools = await findTools(shell, host.env);
  const wheel = await findWheel(shell, tools.python, request);
  const cuda = options.gpu ? cudaNeeds(request.version) : undefined;
  say(planText({ tfjsNode, wheel, tools, cuda }, options));
  if (options.dryRun) return;

  if (tfjsNode.version === undefined) await installTfjsNode(shell, options.project, tfjsNode);
  const { folder } = findTfjsNode(options.project, options.gpu);
  const path = await fetchWheel(shell, tools.python, wheel, request, options.cache);
  await replaceLibraries(shell, tools, path, folder);
  await compileBinding(shell, tools, folder);
  const verified = await verify(shell, { ...tfjsNode, folder }, wheel.version);
  writeMarker(folder, wheel);
  say(`${tfjsNode.name} runs on TensorFlow ${verified.version}\n`);
  if (cuda !== undefined && !verified.gpu) {
    const missing = await missingLibraries(shell, tools.python, cuda.libraries);
    say(
      missing.length > 0
        ? `TensorFlow found no GPU: the loader does not find ${missing.join(' ')} (${cuda.release})\n`
        : 'TensorFlow found no GPU, though its CUDA libraries load: is there a driver and a device?\n',
    );
  }
}

/** Whole or not at all: the new libraries are complete before the old ones go. */
async function replaceLibraries(
  shell: Shell,
  { python }: Tools,
  wheel: string,
  tfjsNode: string,
): Promise<void> {
  const [target, staged] = [join(tfjsNode, 'deps'), join(tfjsNode, 'deps.new')];
  rmSync(staged, { recursive: true, force: true });
  mkdirSync(staged);
  try {
    await unpackWheel(shell, python, wheel, staged);
    rmSync(target, { recursive: true, force: true });
    renameSync(staged, target);
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}
