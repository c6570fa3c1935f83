// Where the C and C++ sources lie: in a checkout the kernels folder, in the published package a copy of what it needs.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const checkout = join(root, '../../kernels');
export const copy = join(root, 'native');

export const inCheckout = existsSync(join(checkout, 'node/addon.cc'));

/** What the addon is built of, below the kernels folder. */
const PARTS = ['abi.h', 'cpu', 'parts', 'node', 'cuda', 'build/native.json'];
/** What only a checkout has a use for. */
const HARNESSES = ['node/fuzz', 'cuda/harness', 'cuda/bench'];

/** Every source file, by its path below the kernels folder. */
export function nativeSources(folder, { harnesses = false } = {}) {
  const files = [];
  const visit = (path) => {
    if (statSync(join(folder, path)).isDirectory()) {
      for (const name of readdirSync(join(folder, path)).sort()) visit(`${path}/${name}`);
    } else if (/(\.(h|c|cc|cu|cuh|json)|\/Makefile)$/.test(path)) files.push(path);
  };
  PARTS.forEach(visit);
  return harnesses
    ? files
    : files.filter((path) => !HARNESSES.some((folder) => path.startsWith(`${folder}/`)));
}
