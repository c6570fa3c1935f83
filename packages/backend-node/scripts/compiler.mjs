// The system's C and C++ compilers, run where a target is missing or old.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** A plain reason why something was not built. */
export class BuildError extends Error {}

/** Runs a compiler or linker unless its target is there, made of the same inputs by the same command. */
export async function make({ command, args, target, inputs }, { version }) {
  const hash = createHash('sha256').update(JSON.stringify([version, command, args]));
  for (const path of inputs) hash.update(readFileSync(path));
  const [stamp, made] = [`${target}.inputs`, hash.digest('hex')];
  if (existsSync(target) && existsSync(stamp) && readFileSync(stamp, 'utf8') === made) return;
  await mustRun(command, args);
  writeFileSync(stamp, made);
}

/** CC and CXX of the environment, else the first pair that is there. */
export function findCompiler() {
  const { CC, CXX } = process.env;
  if (process.platform === 'win32') {
    throw new BuildError('there is no build for Windows yet: the composed ops serve there');
  }
  const pairs = CC && CXX ? [[CC, CXX]] : [['gcc', 'g++'], ['clang', 'clang++'], ['cc', 'c++']]; // prettier-ignore
  for (const [cc, cxx] of pairs) {
    const versions = [cc, cxx].map((name) => spawnSync(name, ['--version'], { encoding: 'utf8' }));
    if (versions.every(({ status }) => status === 0)) {
      return { cc, cxx, version: `${cxx} ${versions[1].stdout}` };
    }
  }
  throw new BuildError(
    `no C++ compiler was found (${pairs.map(([, cxx]) => cxx).join(', ')}): install one, e.g. the package g++, or name it in CC and CXX`,
  );
}

/** Runs tasks, a few at a time. */
export async function inParallel(tasks) {
  const queue = [...tasks];
  const worker = async () => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) await task();
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 8) }, worker));
}

/** @throws BuildError with all that the command said. */
export function mustRun(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let log = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (log += text));
    child.on('error', (error) => reject(new BuildError(`${command}: ${error.message}`)));
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new BuildError(`${command} ${args.join(' ')}\n${log}`));
    });
  });
}
