// Random and corrupted op calls under AddressSanitizer: `node scripts/fuzz.mjs [cases] [seed] [instruction set]`.
// kernels/node/fuzz says what is drawn and when it fails.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compilations, kernels, opSources } from './compilations.mjs';
import { findCompiler, inParallel, make } from './compiler.mjs';
import { root } from './native_sources.mjs';

/** What a mock stands in for, and what needs Node. */
const LEFT_OUT =
  /node\/(addon|ceiling|cuda_library|gpu|gpu_machine|gpu_stream|register|tf_library)\.cc$/;
const FLAGS = ['-O1', '-g1', '-fno-omit-frame-pointer', '-fsanitize=address'];
/** Of the ops, which do the checking; the kernels' vector code takes minutes to compile with it. */
const OP_FLAGS = ['-fsanitize=undefined', '-fno-sanitize-recover=all'];

const compiler = findCompiler();
const harness = readdirSync(join(kernels, 'node/fuzz'))
  .filter((name) => name.endsWith('.cc'))
  .map((name) => `node/fuzz/${name}`);
const jobs = compilations({
  compiler,
  objects: join(root, 'build/fuzz'),
  sources: [...opSources().filter((path) => !LEFT_OUT.test(path)), ...harness],
  flags: FLAGS,
  opFlags: OP_FLAGS,
});
await inParallel(jobs.map((job) => () => make(job, compiler)));
const target = join(root, 'build/fuzz/fuzz');
const objects = jobs.map((job) => job.target);
const args = [...FLAGS, ...OP_FLAGS, '-pthread', ...objects, '-o', target];
await make({ command: compiler.cxx, args, target, inputs: objects }, compiler);
const { status } = spawnSync(target, process.argv.slice(2), { stdio: 'inherit' });
process.exitCode = status ?? 1;
