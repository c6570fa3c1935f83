// Kernels reach JavaScript as text: shaders as they are, WebAssembly as base64.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../', import.meta.url));

export const TEXT_EXTENSIONS = /\.(wasm|wgsl|glsl)$/;

export function textOf(path) {
  if (path.endsWith('.wasm')) return readFileSync(path, 'base64');
  return bare(readFileSync(path, 'utf8'));
}

/** Shader text without indentation and whole lines of comment, a quarter of its bytes. */
function bare(text) {
  return text.replace(/^[ \t]*\/\/.*\n|^[ \t]+/gm, '').replace(/\n{2,}/g, '\n');
}

export function moduleOf(path) {
  return `export default ${JSON.stringify(textOf(path))};\n`;
}

/** Rollup plugin: resolves `kernels/...` from anywhere and inlines the text. */
export function kernelText() {
  return {
    name: 'kernel-text',
    resolveId: (source) =>
      source.startsWith('kernels/') && TEXT_EXTENSIONS.test(source)
        ? join(repository, source)
        : null,
    load: (id) =>
      TEXT_EXTENSIONS.test(id)
        ? { code: moduleOf(id), moduleSideEffects: false, map: { mappings: '' } }
        : null,
  };
}

/** The same for esbuild. */
export function kernelTextForEsbuild() {
  return {
    name: 'kernel-text',
    setup(build) {
      build.onResolve({ filter: /^kernels\// }, ({ path }) => ({ path: join(repository, path) }));
      build.onLoad({ filter: TEXT_EXTENSIONS }, ({ path }) => ({
        contents: moduleOf(path),
        loader: 'js',
      }));
    },
  };
}
