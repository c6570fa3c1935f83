// What a build step read, as one digest, so that it runs again only when something changed.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
 * Runs `make` unless `stamp` holds the digest of `files` and every one of `outputs` exists. What changes while `make`
 * runs counts as changed, unless `make` itself `rewrites` its inputs.
 */
export async function whenChanged({ stamp, files, outputs = [], make, rewrites = false }) {
  const path = join(root, stamp);
  const wanted = digest(files);
  const current = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (current === wanted && outputs.every((output) => existsSync(join(root, output)))) return false;
  await make();
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, rewrites ? digest(files) : wanted);
  return true;
}
