// Program: runs the shared suite on one tfjs backend without jest, for machines that have only Node, and closes with
// `N passed, N failed`.
import { parseArgs } from 'node:util';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs';
import '@tfjs-attention/backend-cpu';
import { providerFor } from '@tfjs-attention/core/provider';
import { findStockWasm } from './node/stock_wasm.js';
import { loadTensorFlow } from './node/tensorflow.js';
import { loadWebGpu } from './node/webgpu.js';
import { conformanceGroups } from './suite/describe_conformance.js';
import { sampleGroups } from './suite/sample.js';
import { bringUp, type Subject } from './suite/subject.js';

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: { backend: text, only: text, sample: { type: 'boolean' }, full: { type: 'boolean' } },
});
const { backend = 'cpu', only = '', sample = false, full = false } = values;
const subject: Subject = { label: backend, tfBackend: backend, full };
const wanted = new RegExp(only);

if (backend === 'wasm') findStockWasm();
if (backend === 'tensorflow') await loadTensorFlow();
if (backend.startsWith('webgpu')) await loadWebGpu(backend);
await bringUp(subject);
process.stdout.write(`${backend}: ${providerFor(backend)?.describe() ?? 'composed tfjs ops'}\n`);

const groups = conformanceGroups(subject);
let passed = 0;
let failed = 0;
for (const { name: group, specs } of sample ? sampleGroups(groups) : groups) {
  for (const { name, run } of specs) {
    const title = `${group}: ${name}`;
    if (!wanted.test(title)) continue;
    try {
      await run(subject);
      passed++;
    } catch (error) {
      failed++;
      process.stdout.write(
        `FAIL ${title}: ${error instanceof Error ? error.message : String(error)}\n`,
      );
    }
  }
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
