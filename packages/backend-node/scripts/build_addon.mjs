// Compiles the addon with the system's C++ compiler, without Python and without a download:
// `node scripts/build_addon.mjs [--prebuild] [--cuda]`, into build/ or prebuilds/<platform>-<arch>/. `--cuda` adds the
// library of the CUDA kernels, which nvcc makes; installing beside tfjs-node-gpu asks for it where nvcc is found.
//
// node-gyp would want Python and Node's source headers, and the kernels want the vector types of GCC and Clang, so all
// that it could do here is to call the same compiler.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compilations, opSources } from './compilations.mjs';
import { BuildError, findCompiler, inParallel, make } from './compiler.mjs';
import { buildCuda } from './cuda.mjs';
import { root } from './native_sources.mjs';

const FILE = 'tfjs_attention.node';

/** Builds what is missing or old, and gives the paths. @throws BuildError */
export async function buildAddon({ prebuild = false, cuda = false } = {}) {
  const compiler = findCompiler();
  const jobs = compilations({
    compiler,
    objects: join(root, 'build/objects'),
    sources: opSources(),
  });
  await inParallel(jobs.map((job) => () => make(job, compiler)));
  const folder = prebuild ? join('prebuilds', `${process.platform}-${process.arch}`) : 'build';
  const target = join(root, folder, FILE);
  mkdirSync(dirname(target), { recursive: true });
  const objects = jobs.map((job) => job.target);
  const system =
    process.platform === 'darwin'
      ? ['-undefined', 'dynamic_lookup']
      : ['-static-libgcc', '-Wl,-s', '-ldl'];
  const args = ['-shared', '-pthread', ...objects, ...system, '-o', target];
  await make({ command: compiler.cxx, args, target, inputs: objects }, compiler);
  return cuda ? [target, await buildCuda(join(root, folder))] : [target];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const [prebuild, cuda] = ['--prebuild', '--cuda'].map((flag) => process.argv.includes(flag));
    const paths = await buildAddon({ prebuild, cuda });
    process.stdout.write(paths.map((path) => `${path}\n`).join(''));
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
