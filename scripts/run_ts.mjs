// Runs a TypeScript program from its sources: `node scripts/run_ts.mjs FILE.ts [arguments]`.
import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleForNode } from './lib/bundle.mjs';
import { wasmFlags } from './lib/node_flags.mjs';
import { root } from './lib/root.mjs';
import { run } from './lib/run.mjs';

const [entry, ...args] = process.argv.slice(2);
if (entry === undefined) throw new Error('usage: node scripts/run_ts.mjs FILE.ts [arguments]');

const folder = mkdtempSync(join(root, 'node_modules/.run-ts-'));
try {
  const program = join(folder, 'program.mjs');
  await bundleForNode(resolve(entry), program);
  const { code } = await run(process.execPath, [...wasmFlags, program, ...args], {
    cwd: process.cwd(),
    stdout: 'inherit',
  });
  process.exitCode = code;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
