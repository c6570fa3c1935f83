import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root: the nearest folder above this program that holds the bench package. */
export function repositoryRoot(from = fileURLToPath(import.meta.url)): string {
  const parent = dirname(from);
  if (existsSync(join(parent, 'packages/bench/package.json'))) return parent;
  if (parent === from) throw new Error('the benchmarks run inside their repository only');
  return repositoryRoot(parent);
}

const bench = (...path: string[]): string => join(repositoryRoot(), 'packages/bench', ...path);

/** Peers live apart from the repository's own dependencies. */
export const peersFolder = (): string => bench('peers');

export const resultsFolder = (): string => bench('results');

export const ceilingModule = (flavour: string): string =>
  join(repositoryRoot(), `kernels/dist/ceiling_${flavour}.wasm`);
