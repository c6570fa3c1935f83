// What an import costs a page: bundled from the built packages, minified, without tfjs itself.
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { rollup } from 'rollup';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { root } from './root.mjs';

export async function bundleSnippet(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    tsconfigRaw: {},
    external: ['@tensorflow/*'],
    logLevel: 'error',
  });
  return outputFiles[0].text;
}

/** The second opinion: rollup reads `sideEffects` by its own rules. */
export async function rollupSnippet(contents) {
  const id = '\0snippet';
  const bundle = await rollup({
    input: 'snippet',
    logLevel: 'silent',
    external: /^@tensorflow\//,
    plugins: [
      {
        name: 'snippet',
        resolveId: (source) => (source === 'snippet' ? id : null),
        load: (loaded) => (loaded === id ? contents : null),
      },
      nodeResolve({ rootDir: root, browser: true }),
    ],
  });
  const { output } = await bundle.generate({ format: 'es' });
  return output[0].code;
}

export const gzipped = (text) => gzipSync(text, { level: 9 }).length;
