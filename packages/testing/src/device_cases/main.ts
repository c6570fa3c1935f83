// Program: writes the shared suite's calls, and those of outside data files, as cases for kernels without JavaScript.
// `node scripts/run_ts.mjs packages/testing/src/device_cases/main.ts OUT [--files-only] [FILE...]`
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { setWasmModule } from '@tfjs-attention/backend-cpu';
import { nameOf, readCases, runCase } from '../outside/data_file.js';
import { conformanceGroups } from '../suite/describe_conformance.js';
import { bringUp, type Subject } from '../suite/subject.js';
import { CaseFile } from './case_file.js';
import { Recorder } from './recorder.js';

const [out, ...rest] = process.argv.slice(2);
if (out === undefined) throw new Error('usage: main.ts OUT [--files-only] [FILE...]');
const filesOnly = rest[0] === '--files-only';
const dataFiles = filesOnly ? rest.slice(1) : rest;

const subject: Subject = { label: 'recorder', tfBackend: 'cpu' };
/** Groups that attend little or nothing. */
const SKIPPED = ['bad input', 'gradients', "life in tfjs's engine"];

await bringUp(subject);
setWasmModule('typescript');
const file = new CaseFile(out);
const recorder = new Recorder(file);
for (const { name, specs } of filesOnly ? [] : conformanceGroups(subject)) {
  if (SKIPPED.includes(name)) continue;
  for (const spec of specs) {
    recorder.title = `${name}: ${spec.name}`;
    await spec.run(subject);
  }
}
recorder.mostBytes = Infinity;
for (const path of dataFiles) {
  for (const c of readCases(path)) {
    recorder.title = `${path.replace(/^.*\//, '')}: ${nameOf(c)}`;
    const { failures } = await runCase(c, 'FUSED');
    if (failures.length > 0) throw new Error(`${recorder.title}: ${failures.join('; ')}`);
  }
}
file.close();
const counts = [...file.counts].map(([kind, count]) => `${count} ${kind}`).join(', ');
process.stdout.write(
  `${counts}; ${recorder.leftOut} calls left out as too long; ` +
    `${tf.memory().numTensors} tensors left\n`,
);
