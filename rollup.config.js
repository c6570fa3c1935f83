// One build for every workspace: libraries (an `exports` map) as ESM and CJS, programs (a `bin` map) as ESM for Node,
// and the union package once more as a script for pages that have `tf` as a global.
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import esbuild, { minify } from 'rollup-plugin-esbuild';
import { kernelText } from './kernels/build/text_modules.js';
import { workspaces } from './scripts/lib/workspaces.mjs';

const root = fileURLToPath(new URL('.', import.meta.url));
const all = workspaces();
const unpublished = new Map(
  all
    .filter(({ manifest }) => manifest.private)
    .map(({ folder, manifest }) => [manifest.name, folder]),
);

/** Nobody publishes these, so whoever imports one carries its code. */
const unpublishedSources = {
  name: 'unpublished-sources',
  resolveId: (source) =>
    unpublished.has(source) ? join(root, unpublished.get(source), 'src/index.ts') : null,
};

const plugins = (target) => [
  unpublishedSources,
  kernelText(),
  nodeResolve({ extensions: ['.ts', '.js'] }),
  esbuild({ target, tsconfig: join(root, 'tsconfig.json') }),
];
const FOR_USERS = 'es2020';
const FOR_OUR_NODE = 'node20';

const isExternal = (id) =>
  !id.startsWith('.') && !isAbsolute(id) && !id.startsWith('kernels/') && !unpublished.has(id);

/** `./dist/ops/index.js` is built from `src/ops/index.ts`. */
function entriesOf({ folder }, targets) {
  const names = targets.map((target) => target.replace(/^(\.\/)?dist\//, '').replace(/\.js$/, ''));
  return Object.fromEntries(names.map((name) => [name, join(root, folder, 'src', `${name}.ts`)]));
}

function library(workspace) {
  const { folder, manifest } = workspace;
  const modules = Object.values(manifest.exports).filter((target) => typeof target === 'object');
  const output = {
    dir: join(root, folder, 'dist'),
    preserveModules: true,
    preserveModulesRoot: join(root, folder, 'src'),
    sourcemap: true,
    interop: (id) => (id?.startsWith('@tensorflow/') ? 'esModule' : 'auto'),
    generatedCode: 'es2015',
  };
  return {
    input: entriesOf(
      workspace,
      modules.map((target) => target.import.default),
    ),
    external: isExternal,
    plugins: plugins(FOR_USERS),
    output: [
      { ...output, format: 'es', entryFileNames: '[name].js' },
      { ...output, format: 'cjs', entryFileNames: '[name].cjs', exports: 'named' },
    ],
  };
}

function program(workspace) {
  return {
    input: entriesOf(workspace, Object.values(workspace.manifest.bin)),
    external: isExternal,
    plugins: plugins(FOR_OUR_NODE),
    output: {
      dir: join(root, workspace.folder, 'dist'),
      format: 'es',
      chunkFileNames: 'chunks/[name].js',
      sourcemap: true,
    },
  };
}

/** tfjs-core and tfjs-layers are both the page's global `tf`. */
function pageScript({ folder, manifest }) {
  const published = all.filter((other) => !other.manifest.private);
  const fromSources = {
    name: 'published-sources',
    resolveId(source) {
      const found = published.find((other) => other.manifest.name === source);
      return found === undefined ? null : join(root, found.folder, 'src/index.ts');
    },
  };
  return {
    input: join(root, folder, 'src/index.ts'),
    external: (id) => id.startsWith('@tensorflow/') || id.startsWith('node:'),
    plugins: [fromSources, ...plugins(FOR_USERS)],
    output: {
      file: join(root, folder, manifest.unpkg),
      format: 'iife',
      name: 'tfjsAttention',
      globals: (id) => (id.startsWith('@tensorflow/') ? 'tf' : 'undefined'),
      interop: 'esModule',
      inlineDynamicImports: true,
      plugins: [minify()],
    },
  };
}

export default [
  ...all.filter(({ manifest }) => manifest.exports).map(library),
  ...all.filter(({ manifest }) => manifest.bin).map(program),
  ...all.filter(({ manifest }) => manifest.unpkg).map(pageScript),
];
