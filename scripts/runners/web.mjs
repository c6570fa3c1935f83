// The page of examples/web, driven in a headless Chromium as a user would.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleForNode } from '../lib/bundle.mjs';
import { findChromium } from '../lib/chromium.mjs';
import { root } from '../lib/root.mjs';
import { run } from '../lib/run.mjs';
import { parseLine } from '../lib/totals.mjs';
import { buildWeb, exampleModel, tfjsWasmFolder } from '../lib/web.mjs';

const MAIN = 'examples/web/src/drive/main.ts';
const REFERENCE = 'examples/generate/fixtures/tiny-llama/reference.json';

export async function runTests() {
  const browser = findChromium();
  if (browser === undefined) {
    const notes = ['skipped, no Chromium found: examples/web'];
    return { passed: 0, failed: 0, skipped: 1, notes };
  }
  const folder = mkdtempSync(join(root, 'node_modules/.web-'));
  try {
    const page = join(folder, 'page');
    await buildWeb(page, exampleModel);
    const program = join(folder, 'drive.mjs');
    await bundleForNode(join(root, MAIN), program);
    const { output, code } = await run(
      process.execPath,
      [program, browser, page, exampleModel, tfjsWasmFolder, join(root, REFERENCE)],
      { stdout: 'pipe', echo: true },
    );
    const result = parseLine(output) ?? { passed: 0, failed: 1, skipped: 0 };
    return { ...result, notes: code === 0 || result.failed > 0 ? [] : [`ended with ${code}`] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
