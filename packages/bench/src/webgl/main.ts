// Program, bundled with all it needs: serves the page beside it, opens it in Chromium and prints what it sends.
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { serve } from '@tfjs-attention/testing/browser/server';
import { growthOf } from '../linear.js';
import { machineText, thisMachine } from '../machine.js';
import { rowsText, type Row } from '../rows.js';
import { absenceNotes, significant, summaryLines, Table } from '../table.js';
import { DRIVERS, visitInChromium, type Driver } from './browser.js';
import { searchOf, type PageMessage, type PageRow } from './messages.js';

const { values } = parseArgs({
  options: {
    // npm run bench passes it on.
    backend: { type: 'string', multiple: true, default: ['webgl'] },
    browser: { type: 'string', default: process.env.CHROME ?? '/usr/bin/chromium' },
    driver: { type: 'string', default: 'swiftshader' },
    quick: { type: 'boolean', default: false },
    filter: { type: 'string', default: '' },
    json: { type: 'string' },
  },
});
if (values.backend.some((name) => name !== 'webgl')) {
  console.error(`--backend webgl runs alone, got ${values.backend.join(', ')}`);
  process.exit(1);
}
if (!(values.driver in DRIVERS)) {
  console.error(
    `--driver must be one of ${Object.keys(DRIVERS).join(', ')}, got '${values.driver}'`,
  );
  process.exit(1);
}

const machine = thisMachine('wall');
const table = new Table(['tfjs-webgl']);
const rows: (Row & PageRow)[] = [];
const bad: string[] = [];
let finish: () => void = () => undefined;
const ended = new Promise<void>((resolve) => (finish = resolve));

const here = dirname(fileURLToPath(import.meta.url));
const index = '<!doctype html><title>bench</title><script type="module" src="/page.js"></script>';
const server = await serve(
  { '/': here },
  { pages: { '/index.html': index }, onPost: (body) => take(JSON.parse(body) as PageMessage) },
);
try {
  const { quick, filter } = values;
  const url = `${server.url}/?${searchOf({ quick, filter })}`;
  await visitInChromium(values.browser, values.driver as Driver, url, ended);
} finally {
  server.close();
}
section('Worst / median', summaryLines(rows));
section('One call with its readback, ms: ours / stock', rows.map(singleText));
section(
  'Growth with S from 1024 on (1 = linear)',
  growthOf(rows).map(({ label, exponent }) => `${label}: S^${exponent.toFixed(2)}`),
);
section('Peers without a time', absenceNotes(rows));
section('Not timed', bad);
if (bad.length > 0) process.exitCode = 1;

function take(message: PageMessage): void {
  switch (message.kind) {
    case 'start':
      console.log(`${message.renderer}; ${machineText(machine)}\n${message.kernels}\n`);
      console.log(table.header());
      break;
    case 'row': {
      const row = { ...message.row, machine };
      rows.push(row);
      console.log(table.line(row));
      if (values.json !== undefined) writeFileSync(values.json, rowsText(rows));
      break;
    }
    case 'bad':
      bad.push(`${message.cell}: ${message.reason}`);
      console.log(bad.at(-1));
      break;
    case 'failed':
      bad.push(message.reason);
      break;
    case 'end':
      finish();
      break;
    default:
      message satisfies never;
  }
}

function singleText({ cell, single }: PageRow): string {
  const { ours, ...others } = single;
  const best = Math.min(...Object.values(others));
  return `${cell}: ${significant(ours)} / ${Number.isFinite(best) ? significant(best) : '-'}`;
}

function section(title: string, lines: readonly string[]): void {
  if (lines.length > 0) console.log(`\n${title}\n${lines.map((line) => `  ${line}`).join('\n')}`);
}
