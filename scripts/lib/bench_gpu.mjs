// The benchmarks of GPU backends as folders that need Node (and for WebGL Chromium), and nothing of this repository.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { bundleForNode, bundleForPage } from './bundle.mjs';
import { root } from './root.mjs';

const sources = join(root, 'packages/bench/src');

/** Writes the page's script and the program that serves it; returns the program. */
export async function buildWebGlBench(folder) {
  mkdirSync(folder, { recursive: true });
  const forPage = { format: 'esm', minify: true, sourcemap: false };
  await bundleForPage(join(sources, 'webgl/page.ts'), join(folder, 'page.js'), forPage);
  const program = join(folder, 'bench.mjs');
  const forNode = { packages: 'bundle', sourcemap: false };
  await bundleForNode(join(sources, 'webgl/main.ts'), program, forNode);
  return program;
}

/** Writes the program, which finds the npm package `webgpu` from where it lies; returns it. */
export async function buildWebGpuBench(folder) {
  mkdirSync(folder, { recursive: true });
  const program = join(folder, 'bench.mjs');
  await bundleDawnProgram(join(sources, 'webgpu/main.ts'), program);
  return program;
}

/** A program over Dawn with all that it needs but Dawn itself. */
export function bundleDawnProgram(entry, program) {
  const requireFrom = "import { createRequire as requireFrom } from 'node:module';";
  return bundleForNode(entry, program, {
    packages: 'bundle',
    sourcemap: false,
    // tfjs lists its Node bundles as free of side effects.
    ignoreAnnotations: true,
    external: ['webgpu', '@tensorflow/tfjs-node'],
    banner: { js: `${requireFrom} const require = requireFrom(import.meta.url);` },
  });
}
