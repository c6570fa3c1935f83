// Which source becomes which object, with which flags.
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BuildError } from './compiler.mjs';
import { nodeHeaders } from './node_headers.mjs';
import { checkout, copy, inCheckout, nativeSources } from './native_sources.mjs';

const CXX_FLAGS = ['-std=c++17', '-O2', '-fPIC', '-fvisibility=hidden', '-fexceptions', '-pthread'];
const WARNINGS = ['-Wall', '-Wextra'];

/** The kernels folder of a checkout or of the published package. */
export const kernels = inCheckout ? checkout : copy;

/** C++ sources of the ops, below the kernels folder. */
export const opSources = () =>
  nativeSources(kernels).filter((path) => path.startsWith('node/') && path.endsWith('.cc'));

/**
 * Everything that an addon or a harness of it is made of, as commands for `make`. `flags` come last, and of the C++ sources `opFlags`
 * after them.
 *
 * @throws BuildError on a processor without kernels.
 */
export function compilations({ compiler, objects, sources, flags = [], opFlags = [] }) {
  const native = JSON.parse(readFileSync(join(kernels, 'build/native.json'), 'utf8'));
  const sets = native.sets[process.arch];
  if (sets === undefined) {
    const known = Object.keys(native.sets).join(', ');
    throw new BuildError(`there are no kernels for ${process.arch}, only for ${known}`);
  }
  mkdirSync(objects, { recursive: true });
  const include = [`-I${kernels}`, `-I${join(kernels, 'node')}`, `-I${nodeHeaders()}`];
  const all = nativeSources(kernels, { harnesses: true });
  const inCpu = all.filter((path) => /^(abi|cpu|parts)/.test(path));
  const inNode = all.filter((path) =>
    /^(abi\.h|cpu\/(native|pool)\.h|cuda\/attention\.h|node\/.*\.h)$/.test(path),
  );
  const compile = (command, own, source, name, beside) => {
    const target = join(objects, `${name}.o`);
    const args = ['-c', ...own, ...flags, ...WARNINGS, ...include, join(kernels, source)];
    const inputs = [source, ...beside].map((path) => join(kernels, path));
    return { command, args: [...args, '-o', target], target, inputs };
  };
  const { cc, cxx } = compiler;
  // The longest first.
  return [
    ...Object.entries(sets).map(([name, own]) => {
      const set = [...native.flags, ...own, `-DATTENTION_ISA=${name}`];
      return compile(cc, set, native.source, name, inCpu);
    }),
    ...sources.map((path) => compile(cxx, [...CXX_FLAGS, ...opFlags], path, nameOf(path), inNode)),
    ...native.sources.map((path) => compile(cc, native.flags, path, nameOf(path), inCpu)),
  ];
}

const nameOf = (path) => basename(path.replaceAll('/', '_')).replace(/\.cc?$/, '');
