// Program: forward and backward of attention on tfjs-wasm, ours beside stock tfjs:
// `node scripts/run_ts.mjs packages/bench/src/backward/main.ts [S...]`.
import { setWasmModule } from '@tfjs-attention/backend-cpu';
// Registers the gradients of stock ops.
import '@tensorflow/tfjs-layers';
import * as tf from '@tensorflow/tfjs-core';
import { flavoursHere } from '../contenders/ours.js';
import { startTfjs } from '../contenders/tfjs_site.js';
import { prefill, type Cell } from '../grid.js';
import { machineText, thisMachine } from '../machine.js';
import { interleave } from '../timing.js';
import { steps, type Step } from './step.js';

const RULES = { clock: 'cpu', budgetMs: 8000, minSamples: 1, maxSamples: 9, warmUpMs: 200, sampleMs: 20 } as const; // prettier-ignore
const lengths = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [256, 1024];

await startTfjs();
await tf.setBackend('wasm');
setWasmModule(flavoursHere()[0]);
console.log(machineText(thisMachine(RULES.clock)));
console.log(
  'ms: median of a forward and a backward pass; MB: tensors at most, beyond the operands\n',
);
for (const seqLen of lengths) {
  await report(prefill('full', seqLen, 64, Infinity));
  await report(prefill('causal', seqLen, 64, Infinity));
  await report(prefill('gqa', seqLen, 64, Infinity, [8, 2]));
}

async function report(cell: Cell): Promise<void> {
  const contenders = steps(cell);
  const entrants = contenders.map((runner) => ({ runner, firstMs: timeFirst(runner) }));
  const [ours, ...others] = contenders;
  for (const other of others) judge(ours.gradient(), other);
  const timings = await interleave(entrants, RULES);
  const bytes: number[] = [];
  for (const contender of contenders) bytes.push(await contender.peakBytes());
  console.log(cell.name);
  contenders.forEach(({ name }, i) => {
    const { ms, minMs } = timings[i];
    const times = (ratio: number) => `${ratio.toFixed(1)}x`.padStart(7);
    console.log(
      `  ${name.padEnd(30)}${ms.toFixed(0).padStart(7)} ms (best ${minMs.toFixed(0)})${times(ms / timings[0].ms)}` +
        `${(bytes[i] / 1e6).toFixed(1).padStart(9)} MB${times(bytes[i] / bytes[0])}`,
    );
  });
}

function timeFirst({ run }: Step): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

/** Verified before it is timed. */
function judge(dq: Float32Array, other: Step): void {
  const wanted = other.gradient();
  const most = wanted.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const off = dq.reduce((a, b, i) => Math.max(a, Math.abs(b - wanted[i])), 0);
  if (!(off <= 1e-4 * most))
    throw new Error(`dq differs from '${other.name}' by ${off} of ${most}`);
}
