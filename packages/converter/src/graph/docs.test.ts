import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { main } from '../cli/index.js';
import { FIXTURES } from './fixtures.js';
import { WORDS } from './rewrite/report.js';

const text = readFileSync('docs/converter.md', 'utf8');
const examples = [
  ...text.matchAll(/```js\n\/\/ converter: (.*)\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g),
];

let server: Server;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'converter-docs-'));
  const quiet = {
    print: () => undefined,
    complain: () => undefined,
    bringUpBackend: () => Promise.resolve(),
  };
  await main(['fuse', join(FIXTURES, 'gpt/model.json'), join(folder, 'out')], quiet);
  server = createServer(({ url = '' }, response) => {
    const base = url.startsWith('/out/') ? folder : FIXTURES;
    response.end(readFileSync(join(base, url)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

test('the page has examples', () => expect(examples).toHaveLength(2));

test.each(examples.map(([, title, source, printed]) => [title, source, printed]))(
  '%s',
  async (_, source, printed) => {
    const { port } = server.address() as AddressInfo;
    const program = join(folder, 'example.ts');
    // The page names no backend, as a browser would choose one; here it is 'cpu'.
    writeFileSync(
      program,
      `// @ts-nocheck\n${source.replace('https://example.org', `http://127.0.0.1:${port}`)}`,
    );
    expect(await output(['scripts/run_ts.mjs', program])).toBe(printed);
  },
);

test('the table has every word of the reports', () => {
  const listed = [...text.matchAll(/^\| `([a-z ]+)` +\|/gm)].map(([, word]) => word);
  const known = new Set<string>([
    ...Object.values(WORDS),
    'sliding window',
    'grouped heads',
    'transposes',
  ]);
  expect([...known].filter((word) => !listed.includes(word))).toEqual([]);
});

function output(args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, complaints] = ['', ''];
    child.stdout.on('data', (part) => (out += String(part)));
    child.stderr.on('data', (part) => (complaints += String(part)));
    child.on('close', (code) => (code === 0 ? resolve(out) : reject(new Error(complaints))));
  });
}
