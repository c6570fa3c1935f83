import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleForNode } from './bundle.mjs';
import { findChromium } from './chromium.mjs';
import { root } from './root.mjs';
import { mustRun } from './run.mjs';

/** Serves `folder`, opens `path` there, waits for `globalThis.finished` and resolves to what the page printed. */
export async function visit(folder, path) {
  const browser = findChromium();
  if (browser === undefined)
    throw new Error('no Chromium: install one, or name it in CHROMIUM_PATH');
  const temporary = mkdtempSync(join(root, 'node_modules/.visit-'));
  try {
    const program = join(temporary, 'visit.mjs');
    await bundleForNode(join(root, 'packages/testing/src/browser/visit.ts'), program);
    return await mustRun(process.execPath, [program, browser, folder, path], { stdout: 'pipe' });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
