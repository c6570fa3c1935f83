import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../lib/root.mjs';

/** The lock names no registry, and holds the binaries of every platform that a tool offers. */
export function check() {
  const text = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const urls = [...text.matchAll(/"resolved": "([a-z+]+:[^"]*)"/g)].map(([, url]) => url);
  if (urls.length > 0) throw new Error(`package-lock.json names ${urls.length} addresses`);

  const { packages } = JSON.parse(text);
  const present = new Set(Object.keys(packages).map((path) => path.split('node_modules/').at(-1)));
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !present.has(name))
      .map((name) => `${name} of ${path}`),
  );
  if (missing.length > 0) throw new Error(`package-lock.json lacks ${missing.join(', ')}`);
  return `${Object.keys(packages).length} packages`;
}
