// The WebGL benchmark as a folder that needs Node and Chromium, and nothing of this repository.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bundleForNode, bundleForPage } from './bundle.mjs';
import { root } from './root.mjs';

const sources = join(root, 'packages/bench/src/webgl');

/** Writes the page's script and the program that serves it; returns the program. */
export async function buildWebGlBench(folder) {
  mkdirSync(folder, { recursive: true });
  const forPage = { format: 'esm', minify: true, sourcemap: false };
  await bundleForPage(join(sources, 'page.ts'), join(folder, 'page.js'), forPage);
  const program = join(folder, 'bench.mjs');
  const forNode = { packages: 'bundle', sourcemap: false };
  await bundleForNode(join(sources, 'main.ts'), program, forNode);
  return program;
}
