// Program: verifies and times our kernels and their peers, and writes what it found.
import { setThreads } from '@tfjs-attention/backend-cpu';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { startTensorFlow } from './contenders/native.js';
import { flavoursHere, roundsOf } from './contenders/ours.js';
import { loadPeers } from './contenders/peers.js';
import { startTfjs } from './contenders/tfjs_site.js';
import { fullGrid, quickGrid } from './grid.js';
import { growthOf } from './linear.js';
import { machineText, thisMachine } from './machine.js';
import { readOptions } from './options.js';
import { Pace } from './pace.js';
import { plotSvg } from './plot.js';
import { rowsText, type Row } from './rows.js';
import { runCell, type Setting } from './run_cell.js';
import type { BadKernel } from './team.js';
import { absenceNotes, cacheTypeLines, summaryLines, Table } from './table.js';

const FULL_RULES = { budgetMs: 1500, minSamples: 3, maxSamples: 25, warmUpMs: 100, sampleMs: 5 };
const QUICK_RULES = { budgetMs: 250, minSamples: 3, maxSamples: 9, warmUpMs: 50, sampleMs: 2 };

const options = readOptions(process.argv.slice(2));
const cells = (options.quick ? quickGrid() : fullGrid()).filter(({ name }) =>
  name.includes(options.filter),
);
if (cells.length === 0) {
  console.error(`no cell's name contains '${options.filter}'`);
  process.exit(1);
}

await startTfjs();
if (options.threads > 1) setThreads(options.threads);
if (options.backends.includes('tensorflow')) await startTensorFlow(options.threads);
const machine = thisMachine(options.clock, options.threads);
const here = flavoursHere();
if (options.wasm !== undefined && !here.includes(options.wasm)) {
  console.error(`this engine (Node ${machine.node}) does not take the '${options.wasm}' module`);
  process.exit(1);
}
const setting: Setting = {
  rounds: roundsOf(options.backends, options.wasm === undefined ? here : [options.wasm]),
  peers: await loadPeers(options.peers, options.threads),
  pace: new Pace(),
  rules: { ...(options.quick ? QUICK_RULES : FULL_RULES), clock: options.clock },
  machine,
};
const rows: Row[] = [];
const bad: BadKernel[] = [];
const table = new Table([...new Set(setting.peers.map(({ family }) => family))]);

console.log(machineText(machine));
console.log(
  'Peers: how many times as long as ours. Share: of the ceiling timed in the same turns.\n',
);
console.log(table.header());
for (const cell of cells) {
  const report = await runCell(cell, setting);
  rows.push(...report.rows);
  bad.push(...report.bad);
  for (const row of report.rows) console.log(table.line(row));
  for (const kernel of report.bad) console.log(badText(kernel));
  if (options.json !== undefined) write(options.json, rowsText(rows));
}

section('Worst / median', summaryLines(rows));
section('Cache types: how many times as long float32 takes', cacheTypeLines(rows));
const growth = growthOf(rows);
section(
  'Growth with S from 1024 on (1 = linear)',
  growth.map(({ label, exponent }) => `${label}: S^${exponent.toFixed(2)}`),
);
section('Peers without a time', absenceNotes(rows));
if (rows.length > 0) {
  write(options.svg, await plotSvg(rows, growth, machineText(machine)));
  console.log(`\nplot: ${options.svg}`);
}
if (bad.length > 0) {
  section('Not timed', bad.map(badText));
  process.exitCode = 1;
}

function section(title: string, lines: readonly string[]): void {
  if (lines.length > 0) console.log(`\n${title}\n${lines.map((line) => `  ${line}`).join('\n')}`);
}

function badText({ name, reason }: BadKernel): string {
  return `${name}: ${reason}`;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
