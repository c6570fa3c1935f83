// `node packages/bench/scripts/webgpu_folder.mjs OUT`: the WebGPU benchmark and the shared suite for a bare x86-64 Linux machine
// with a GPU and its Vulkan driver, which has neither Node nor a network. OUT then holds files of at most 44 MB and run.sh.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildWebGpuBench, bundleDawnProgram } from '../../../scripts/lib/bench_gpu.mjs';
import { root } from '../../../scripts/lib/root.mjs';

const SUITE = 'packages/testing/src/suite_program.ts';
const DAWN = ['package.json', 'index.js', 'dist/linux-x64/dawn.node'];
const PIECE = '44000000';

/** Unpacks once, then runs `bench` or `suite` with the rest of the command line. */
const RUN = `#!/bin/sh
set -e
cd "$(dirname "$0")"
[ -x runtime/node ] || { mkdir -p runtime; cat runtime.tar.xz.* | tar -xJ -C runtime; }
program=$1
shift
exec runtime/node --experimental-wasm-relaxed-simd "runtime/$program.mjs" "$@"
`;

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error('usage: node packages/bench/scripts/webgpu_folder.mjs OUT');

const folder = resolve(out);
const work = mkdtempSync(join(tmpdir(), 'webgpu-bench-'));
try {
  mkdirSync(folder, { recursive: true });
  await buildWebGpuBench(work);
  await bundleDawnProgram(join(root, SUITE), join(work, 'suite.mjs'));
  for (const file of DAWN) {
    cpSync(join(root, 'node_modules/webgpu', file), join(work, 'node_modules/webgpu', file));
  }
  cpSync(process.execPath, join(work, 'node'));
  const archive = join(work, 'runtime.tar.xz');
  const packed = ['node', 'bench.mjs', 'suite.mjs', 'node_modules'];
  execFileSync('tar', ['-C', work, '-I', 'xz -T0 -1', '-cf', archive, ...packed]);
  for (const old of readdirSync(folder).filter((name) => name.startsWith('runtime.tar.xz.'))) {
    rmSync(join(folder, old));
  }
  execFileSync('split', ['-b', PIECE, '-d', archive, join(folder, 'runtime.tar.xz.')]);
  writeFileSync(join(folder, 'run.sh'), RUN);
  chmodSync(join(folder, 'run.sh'), 0o755);
  console.log(`${folder}: ${readdirSync(folder).join(', ')}`);
  console.log(
    'on the machine with the GPU: ./run.sh bench --json rows.json; ./run.sh suite --backend webgpu --sample',
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
