// Program: our kernels and stock tfjs ops on WebGPU in Node, cell by cell.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tfjs-attention/backend-webgpu/node';
import { describeKernels, ready } from '@tfjs-attention/core';
import { machineText, thisMachine } from '../machine.js';
import { rowsText, type Row } from '../rows.js';
import { absenceNotes, significant, summaryLines, Table } from '../table.js';
import { benchCell } from '../webgl/bench_cell.js';
import type { PageRow } from '../webgl/messages.js';
import { fullWebGpuGrid, quickWebGpuGrid } from './webgpu_grid.js';

const FULL = { budgetMs: 1500, minSamples: 3, maxSamples: 15, chainMs: 150, mostOps: 257 };
const QUICK = { budgetMs: 500, minSamples: 2, maxSamples: 5, chainMs: 100, mostOps: 9 };

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    // npm run bench passes it on.
    backend: { ...text, default: 'webgpu' },
    quick: { type: 'boolean', default: false },
    filter: { ...text, default: '' },
    json: text,
  },
});
if (values.backend !== 'webgpu') throw new Error(`--backend webgpu, got '${values.backend}'`);

tf.enableProdMode();
if (!(await tf.setBackend('webgpu'))) throw new Error("tfjs backend 'webgpu' does not start");
await ready('webgpu');
const { adapterInfo } = tf.backend() as unknown as { adapterInfo: GPUAdapterInfo };
const device = `${adapterInfo.vendor} ${adapterInfo.architecture} ${adapterInfo.description}`;
const machine = thisMachine('wall');
const table = new Table(['tfjs-webgpu']);
const rows: (Row & PageRow)[] = [];
console.log(`${device}; ${machineText(machine)}\n${describeKernels()}\n\n${table.header()}`);

const cells = (values.quick ? quickWebGpuGrid() : fullWebGpuGrid()).filter(({ name }) =>
  name.includes(values.filter),
);
for (const cell of cells) {
  const result = await benchCell(cell, values.quick ? QUICK : FULL, 'webgpu', device).catch(
    (problem: unknown) => `failed: ${(problem as Error).message}`,
  );
  if (typeof result === 'string') {
    console.log(`${cell.name}: ${result}`);
    process.exitCode = 1;
    continue;
  }
  const row = { ...result, machine };
  rows.push(row);
  console.log(table.line(row));
  if (values.json !== undefined) writeFileSync(values.json, rowsText(rows));
}

const singles = rows.map(({ cell, single: { ours, ...others } }) => {
  const best = Math.min(...Object.values(others));
  return `${cell}: ${significant(ours)} / ${Number.isFinite(best) ? significant(best) : '-'}`;
});
for (const [title, lines] of [
  ['Worst / median', summaryLines(rows)],
  ['One call with its readback, ms: ours / stock', singles],
  ['Peers without a time', absenceNotes(rows)],
] as const) {
  if (lines.length > 0) console.log(`\n${title}\n${lines.map((line) => `  ${line}`).join('\n')}`);
}
// Dawn's threads would keep the process.
process.exit();
