// Parts of the machine that the project can do without.
import v8 from 'node:v8';
import { findChromium } from './chromium.mjs';
import { wasmFlags } from './node_flags.mjs';
import { tensorFlowObstacle } from './tensorflow.mjs';

/** Each optional part that this machine lacks, as `{ part, means }`. */
export function absentParts() {
  const parts = [];
  if (!hasRelaxedSimd()) {
    parts.push({
      part: 'relaxed SIMD in this Node',
      means: 'the WebAssembly kernels run without fused multiply-add',
    });
  }
  if (findChromium() === undefined) {
    parts.push({
      part: 'a Chromium browser (install one, or name it in CHROMIUM_PATH)',
      means: 'browser tests are skipped',
    });
  }
  const obstacle = tensorFlowObstacle();
  if (obstacle !== undefined) {
    parts.push({
      part: `TensorFlow under tfjs-node (${obstacle})`,
      means: "tests of the 'tensorflow' backend are skipped",
    });
  }
  return parts;
}

export function sayWhatIsAbsent() {
  for (const { part, means } of absentParts()) {
    process.stderr.write(`absent, optional: ${part}; ${means}\n`);
  }
}

/** Compiles a function of one `f32x4.relaxed_madd`, under the flags that our programs get. */
function hasRelaxedSimd() {
  for (const flag of wasmFlags) v8.setFlagsFromString(flag);
  const splat = [0x41, 0, 0xfd, 0x0f];
  const body = [0, ...splat, ...splat, ...splat, 0xfd, 0x85, 0x02, 0x0b];
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0];
  return WebAssembly.validate(
    Uint8Array.from([...header, 10, body.length + 2, 1, body.length, ...body]),
  );
}
