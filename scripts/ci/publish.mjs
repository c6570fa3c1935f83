import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../lib/root.mjs';
import { mustRun } from '../lib/run.mjs';
import { publicPackages } from '../lib/workspaces.mjs';

const VERBOSE = ['--loglevel=notice'];

/** What `lerna publish` would do, without doing it; the tarball holds nothing but the build and its papers. */
export async function check() {
  checkVersions();
  const notes = [];
  for (const { folder, manifest } of publicPackages()) {
    await mustRun('npm', ['publish', '--dry-run', '--access', 'public', '-w', folder, ...VERBOSE], {
      stdout: 'pipe',
    });
    const packed = await mustRun('npm', ['pack', '--dry-run', '--json', '-w', folder], {
      stdout: 'pipe',
    });
    const [{ files, size }] = JSON.parse(packed.slice(packed.indexOf('[')));
    const named = manifest.files.filter((name) => !/[.*]/.test(name)).map((name) => `${name}/`);
    const strangers = files
      .map(({ path }) => path)
      .filter((path) => !/^(package\.json$|README\.md$|LICENSE$|THIRD_PARTY)/.test(path))
      .filter((path) => !named.some((folder) => path.startsWith(folder)));
    if (strangers.length > 0)
      throw new Error(`${manifest.name} would ship ${strangers.join(', ')}`);
    for (const paper of ['README.md', 'LICENSE', 'THIRD_PARTY_NOTICES.md']) {
      if (!files.some(({ path }) => path === paper))
        throw new Error(`${manifest.name} lacks ${paper}`);
    }
    notes.push(`${manifest.name} ${(size / 1024).toFixed(0)} KiB`);
  }
  return notes.join(', ');
}

/** One version for all packages, which is what lerna is told, and what they ask of each other. */
function checkVersions() {
  const { version } = JSON.parse(readFileSync(join(root, 'lerna.json'), 'utf8'));
  const names = new Set(publicPackages().map(({ manifest }) => manifest.name));
  for (const { manifest } of publicPackages()) {
    const inner = Object.entries(manifest.dependencies ?? {}).filter(([name]) => names.has(name));
    for (const [name, found] of [[manifest.name, manifest.version], ...inner]) {
      if (found !== version)
        throw new Error(`${manifest.name}: ${name} ${found} is not ${version}`);
    }
  }
}
