// What a build step read, as one digest, so that it runs again only when something changed.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { holding } from './lock.mjs';
import { root } from './root.mjs';

const SKIPPED = new Set(['node_modules', 'dist', 'coverage', 'peers', 'results', '.git']);

/** Files below `path` (a file or a folder, relative to the repository) whose name matches. */
export function filesBelow(path, pattern = /./) {
  const absolute = join(root, path);
  if (!existsSync(absolute)) return [];
  if (statSync(absolute).isFile()) return [path];
  return readdirSync(absolute, { withFileTypes: true })
    .filter((entry) => !SKIPPED.has(entry.name))
    .flatMap((entry) => {
      const child = `${path}/${entry.name}`;
      if (entry.isDirectory()) return filesBelow(child, pattern);
      return pattern.test(entry.name) ? [child] : [];
    })
    .sort();
}

export function digest(files) {
  const hash = createHash('sha256').update(process.version);
  for (const file of files) hash.update(`\0${file}\0`).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

/**
 * Runs `make` unless `stamp` holds the digest of `files` and every one of `outputs` exists; of several processes one. What
 * changes while `make` runs counts as changed, unless `make` itself `rewrites` its inputs.
 */
export async function whenChanged({ stamp, files, outputs = [], make, rewrites = false }) {
  const path = join(root, stamp);
  const isCurrent = () =>
    existsSync(path) &&
    readFileSync(path, 'utf8') === digest(files) &&
    outputs.every((output) => existsSync(join(root, output)));
  if (isCurrent()) return false;
  return holding(`${path}.lock`, async () => {
    if (isCurrent()) return false;
    const wanted = digest(files);
    await make();
    writeFileSync(path, rewrites ? digest(files) : wanted);
    return true;
  });
}
