import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, whenChanged } from './inputs.mjs';
import { root } from './root.mjs';
import { mustRun } from './run.mjs';

const COMPILER = 'kernels/build/wasm.js';

/** Compiles the C kernels to WebAssembly if they are missing or older than their sources. */
export function buildKernels() {
  if (!existsSync(join(root, COMPILER))) return false;
  return whenChanged({
    stamp: 'kernels/dist/.inputs',
    files: [...filesBelow('kernels', /\.[ch]$/), COMPILER],
    outputs: ['kernels/dist/attention_simd.wasm', 'kernels/dist/attention_relaxed.wasm'],
    make: () => mustRun(process.execPath, [COMPILER]),
  });
}
