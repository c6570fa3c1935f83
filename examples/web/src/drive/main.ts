// Program: `drive BROWSER PAGE MODEL TFJS_WASM REFERENCE` runs every check and closes with the result line.
import { readFileSync } from 'node:fs';
import { openPage, type Device } from '@tfjs-attention/testing/browser/chromium';
import { serveSite } from '../serve/site.js';
import { waitForStatus } from './actions.js';
import { checksFor, type Reference } from './checks.js';

const [browser, page, model, tfjsWasm, reference] = process.argv.slice(2);
if (reference === undefined) throw new Error('usage: BROWSER PAGE MODEL TFJS_WASM REFERENCE');

const { cases } = JSON.parse(readFileSync(reference, 'utf8')) as { cases: Reference[] };
const only = process.env.CHECK ?? '';
const checks = checksFor(cases[0]).filter(({ name }) => name.includes(only));
const site = await serveSite({ page, model, tfjsWasm });
const failures: string[] = [];
const usual: readonly Device[] = ['webgl'];
for (const { name, devices = usual, run } of checks) {
  const messages: string[] = [];
  const opened = await openPage(browser, site.url, devices, (text) => messages.push(text));
  const start = Date.now();
  try {
    await waitForStatus(opened.page, /^ready$/);
    await run(opened.page);
    console.log(`passed: ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failures.push(name);
    console.log(`failed: ${name}\n  ${(error as Error).message}`);
    for (const message of messages) console.log(`  page: ${message}`);
  } finally {
    await opened.close();
  }
}
site.close();
console.log(`${checks.length - failures.length} passed, ${failures.length} failed, 0 skipped`);
process.exitCode = failures.length > 0 ? 1 : 0;
