import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { archiveBytes } from './fixtures.js';

const examples = [
  ...readFileSync('docs/layers.md', 'utf8').matchAll(
    /```js\n\/\/ layers: (.*)\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g,
  ),
];

let server: Server;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'layers-docs-'));
  server = createServer(({ url = '' }, response) => response.end(archiveBytes(url.slice(1))));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

test('the page has examples', () => expect(examples).toHaveLength(3));

test.each(examples.map(([, title, source, printed]) => [title, source, printed]))(
  '%s',
  async (_, source, printed) => {
    const { port } = server.address() as AddressInfo;
    const program = join(folder, 'example.ts');
    writeFileSync(
      program,
      `// @ts-nocheck\n${source.replace('https://example.org', `http://127.0.0.1:${port}`)}`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, ['scripts/run_ts.mjs', program]);
    expect(stdout).toBe(printed);
  },
);
