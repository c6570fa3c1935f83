// Compiles the addon with the system's C++ compiler, in whole seconds and without Python or a download:
// `node scripts/build_addon.mjs [--prebuild]`, into build/ or prebuilds/<platform>-<arch>/.
//
// node-gyp would want Python and Node's source headers, and the kernels want the vector types of GCC and Clang, so all
// that it could do here is to call the same compiler.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeHeaders } from './node_headers.mjs';
import { checkout, copy, inCheckout, nativeSources, root } from './native_sources.mjs';

const FILE = 'tfjs_attention.node';
const CXX_FLAGS = ['-std=c++17', '-O2', '-fPIC', '-fvisibility=hidden', '-fexceptions', '-pthread'];
const WARNINGS = ['-Wall', '-Wextra'];

/** A plain reason why there is no addon. */
export class BuildError extends Error {}

/** Builds what is missing or old, and gives the addon's path. @throws BuildError */
export async function buildAddon({ prebuild = false } = {}) {
  const kernels = inCheckout ? checkout : copy;
  const compiler = findCompiler();
  const native = JSON.parse(readFileSync(join(kernels, 'build/native.json'), 'utf8'));
  const sets = native.sets[process.arch];
  if (sets === undefined) {
    throw new BuildError(
      `there are no kernels for ${process.arch}, only for ${Object.keys(native.sets).join(', ')}`,
    );
  }
  const folder = prebuild ? join('prebuilds', `${process.platform}-${process.arch}`) : 'build';
  const target = join(root, folder, FILE);
  mkdirSync(join(root, 'build/objects'), { recursive: true });
  mkdirSync(dirname(target), { recursive: true });
  const jobs = compilations(kernels, native, sets, compiler);
  await inParallel(jobs.map((job) => () => make(job, compiler)));
  const objects = jobs.map(({ target: object }) => object);
  const system =
    process.platform === 'darwin'
      ? ['-undefined', 'dynamic_lookup']
      : ['-static-libgcc', '-Wl,-s', '-ldl'];
  const args = ['-shared', '-pthread', ...objects, ...system, '-o', target];
  await make({ command: compiler.cxx, args, target, inputs: objects }, compiler);
  return target;
}

/** Runs a compiler or linker unless its target is there, made of the same inputs by the same command. */
async function make({ command, args, target, inputs }, { version }) {
  const hash = createHash('sha256').update(JSON.stringify([version, command, args]));
  for (const path of inputs) hash.update(readFileSync(path));
  const [stamp, made] = [`${target}.inputs`, hash.digest('hex')];
  if (existsSync(target) && existsSync(stamp) && readFileSync(stamp, 'utf8') === made) return;
  await mustRun(command, args);
  writeFileSync(stamp, made);
}

function compilations(kernels, native, sets, { cc, cxx }) {
  const include = [`-I${kernels}`, `-I${join(kernels, 'node')}`, `-I${nodeHeaders()}`];
  const sources = nativeSources(kernels);
  const inCpu = sources.filter((path) => /^(abi|cpu|parts)/.test(path));
  const inNode = sources.filter((path) =>
    /^(abi\.h|cpu\/(native|pool)\.h|node\/.*\.h)$/.test(path),
  );
  const compile = (command, flags, source, name, beside) => {
    const target = join(root, 'build/objects', `${name}.o`);
    const args = ['-c', ...flags, ...WARNINGS, ...include, join(kernels, source), '-o', target];
    return {
      command,
      args,
      target,
      inputs: [source, ...beside].map((path) => join(kernels, path)),
    };
  };
  // The longest first.
  return [
    ...Object.entries(sets).map(([name, flags]) =>
      compile(
        cc,
        [...native.flags, ...flags, `-DATTENTION_ISA=${name}`],
        native.source,
        name,
        inCpu,
      ),
    ),
    ...sources
      .filter((path) => path.startsWith('node/') && path.endsWith('.cc'))
      .map((path) => compile(cxx, CXX_FLAGS, path, `node_${basename(path, '.cc')}`, inNode)),
    ...native.sources.map((path) => compile(cc, native.flags, path, basename(path, '.c'), inCpu)),
  ];
}

/** CC and CXX of the environment, else the first pair that is there. */
function findCompiler() {
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

async function inParallel(tasks) {
  const queue = [...tasks];
  const worker = async () => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) await task();
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), 8) }, worker));
}

function mustRun(command, args) {
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const path = await buildAddon({ prebuild: process.argv.includes('--prebuild') });
    process.stdout.write(`${path}\n`);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
