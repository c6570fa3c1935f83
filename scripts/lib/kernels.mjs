import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, whenChanged } from './inputs.mjs';
import { root } from './root.mjs';
import { mustRun } from './run.mjs';

const COMPILER = 'kernels/build/wasm.js';
/** Sources of kernels/cpu that machine code alone has. */
const NATIVE = /\/(native|pool|isa|buffers|simd_(avx|neon|scalar))[^/]*$/;

/** Compiles the C kernels to WebAssembly if they are missing or older than their sources. */
export function buildKernels() {
  if (!existsSync(join(root, COMPILER))) return false;
  return whenChanged({
    stamp: 'kernels/dist/.inputs',
    files: [...sources(), COMPILER],
    outputs: ['kernels/dist/attention_simd.wasm', 'kernels/dist/attention_relaxed.wasm'],
    make: () => mustRun(process.execPath, [COMPILER]),
  });
}

const sources = () =>
  ['kernels/abi.h', 'kernels/parts', 'kernels/cpu']
    .flatMap((path) => filesBelow(path, /\.[ch]$/))
    .filter((file) => !NATIVE.test(file));
