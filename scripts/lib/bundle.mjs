// esbuild over the TypeScript sources, for programs and pages that are not published.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { kernelTextForEsbuild } from '../../kernels/build/text_modules.js';
import { root } from './root.mjs';

/** It finds its addon beside itself, so it stays where it was built. */
const NATIVE = '@tfjs-attention/backend-node';

/** Workspace names resolve to their sources, not to dist. */
const sources = {
  name: 'workspace-sources',
  setup({ onResolve }) {
    onResolve({ filter: new RegExp(`^${NATIVE}$`) }, ({ path }) => ({ path, external: true }));
    onResolve({ filter: /^(@tfjs-attention\/|tfjs-attention$)/ }, ({ path }) => {
      const [name, ...rest] = path.replace(/^@tfjs-attention\//, '').split('/');
      const base = join(root, 'packages', name, 'src', ...rest);
      const found = [`${base}.ts`, join(base, 'index.ts')].find((file) => existsSync(file));
      return found === undefined
        ? { errors: [{ text: `no source for ${path}` }] }
        : { path: found };
    });
  },
};

const shared = {
  bundle: true,
  target: 'es2022',
  sourcemap: 'inline',
  logLevel: 'warning',
  plugins: [kernelTextForEsbuild(), sources],
};

export function bundleForNode(entry, outfile, options = {}) {
  return build({
    ...shared,
    entryPoints: [entry],
    outfile,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    ...options,
  });
}

export function bundleForPage(entry, outfile, options = {}) {
  return build({
    ...shared,
    entryPoints: [entry],
    outfile,
    platform: 'browser',
    format: 'iife',
    external: ['node:*', 'fs', 'path', 'crypto', 'worker_threads', 'perf_hooks', 'os'],
    ...options,
  });
}

/** tfjs-core lists its specs as free of side effects, hence `ignoreAnnotations`; only a bundler can load them. */
export function bundleTfjsCoreSuite(entry, outfile) {
  return build({
    ...shared,
    entryPoints: [join(root, entry)],
    outfile,
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    external: ['jasmine', '@tensorflow/tfjs-node'],
    ignoreAnnotations: true,
  });
}
