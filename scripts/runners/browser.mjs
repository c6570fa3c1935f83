// Test files named *.browser.ts, each in a page of a headless Chromium.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleForNode, bundleForPage } from '../lib/bundle.mjs';
import { findChromium } from '../lib/chromium.mjs';
import { filesBelow } from '../lib/inputs.mjs';
import { root } from '../lib/root.mjs';
import { run } from '../lib/run.mjs';
import { parseLine } from '../lib/totals.mjs';

const MAIN = 'packages/testing/src/browser/main.ts';

export async function runTests() {
  const sources = filesBelow('packages', /\.browser\.ts$/);
  const browser = findChromium();
  if (browser === undefined) {
    const notes = sources.map((source) => `skipped, no Chromium found: ${source}`);
    return { passed: 0, failed: 0, skipped: sources.length, notes };
  }
  const folder = mkdtempSync(join(root, 'node_modules/.browser-'));
  try {
    const program = join(folder, 'main.mjs');
    await bundleForNode(join(root, MAIN), program);
    const files = [];
    for (const [index, source] of sources.entries()) {
      const bundle = join(folder, `page${index}.js`);
      await bundleForPage(join(root, source), bundle);
      files.push(`${bundle}=${source}`);
    }
    const { output, code } = await run(
      process.execPath,
      [program, browser, join(root, 'node_modules'), ...files],
      { stdout: 'pipe', echo: true },
    );
    const result = parseLine(output) ?? { passed: 0, failed: 1, skipped: 0 };
    return { ...result, notes: code === 0 || result.failed > 0 ? [] : [`ended with ${code}`] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
