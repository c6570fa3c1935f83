// The CUDA kernels as a library beside the addon, by nvcc and make.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { kernels } from './compilations.mjs';
import { BuildError, mustRun } from './compiler.mjs';
import { root } from './native_sources.mjs';

/** As kernels/node/cuda_library.cc opens it. */
const FILE = 'tfjs_attention_cuda.so';
const OBJECTS = join(root, 'build/cuda');

/** As PORTABLE of kernels/cuda/Makefile; TFJS_ATTENTION_CUDA_TARGETS names others. */
const TARGETS =
  process.env.TFJS_ATTENTION_CUDA_TARGETS ??
  '-gencode arch=compute_80,code=[sm_80,compute_80] -gencode arch=compute_90,code=sm_90';

/** NVCC, or nvcc on the path or where NVIDIA's installer puts it; undefined where there is none. */
export function findNvcc() {
  const { NVCC, CUDA_HOME = '/usr/local/cuda' } = process.env;
  const places = NVCC ? [NVCC] : ['nvcc', join(CUDA_HOME, 'bin/nvcc')];
  return places.find((path) => spawnSync(path, ['--version']).status === 0);
}

/** Compiles what is missing or old into `folder`, and gives the library's path. @throws BuildError */
export async function buildCuda(folder) {
  const nvcc = findNvcc();
  if (nvcc === undefined) {
    throw new BuildError(
      'no nvcc was found: install the CUDA toolkit 12.8 or newer, or name its compiler in NVCC',
    );
  }
  const source = join(kernels, 'cuda');
  const made = [`NVCC=${nvcc}`, `OUT=${OBJECTS}`, `PORTABLE=${TARGETS}`, 'objects'];
  await mustRun('make', ['-C', source, `-j${availableParallelism()}`, ...made]);
  const objects = readdirSync(source)
    .filter((name) => /\.(cu|cc)$/.test(name))
    .map((name) => join(OBJECTS, `${name}.o`));
  const flags = ['-O3', '-std=c++17', '-Xcompiler', '-fPIC', ...TARGETS.split(' ')];
  const runtime = join(OBJECTS, 'runtime.o');
  await mustRun(nvcc, [...flags, '-c', join(kernels, 'node/cuda/runtime.cu'), '-o', runtime]);
  mkdirSync(folder, { recursive: true });
  const target = join(folder, FILE);
  const link = ['-shared', '-cudart', 'static', '-Xlinker', '-s', ...libraries()];
  await mustRun(nvcc, [...link, ...objects, runtime, '-o', target]);
  return target;
}

/** TFJS_ATTENTION_CUDA_LIB: where libcudart_static.a lies, if nvcc does not know. */
function libraries() {
  const { TFJS_ATTENTION_CUDA_LIB: path } = process.env;
  return path ? [`-L${path}`] : [];
}
