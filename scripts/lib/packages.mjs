import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildDeclarations } from './declarations.mjs';
import { filesBelow, whenChanged } from './inputs.mjs';
import { root } from './root.mjs';
import { mustRun } from './run.mjs';
import { publicPackages, workspaces } from './workspaces.mjs';

const TOOLS = [
  'LICENSE',
  'THIRD_PARTY_NOTICES.md',
  'package-lock.json',
  'package.json',
  'rollup.config.js',
  'tsconfig.build.json',
  'tsconfig.json',
  'kernels/build/text_modules.js',
  'scripts/lib/declarations.mjs',
  'scripts/lib/packages.mjs',
];

/** Builds dist of every workspace if a source, a kernel or a tool changed since. */
export function buildPackages() {
  const all = workspaces();
  const sources = all.flatMap(({ folder }) => [
    `${folder}/package.json`,
    ...filesBelow(`${folder}/src`, /(?<!\.test|\.browser)\.ts$/),
  ]);
  const main = all.flatMap(({ folder, manifest }) =>
    [manifest.main, manifest.types, ...Object.values(manifest.bin ?? {})]
      .filter((target) => target !== undefined)
      .map((target) => join(folder, target)),
  );
  return whenChanged({
    stamp: 'node_modules/.tfjs-attention/build',
    files: [...TOOLS, ...filesBelow('kernels', /\.([ch]|cc|json|wgsl|glsl)$/), ...sources],
    outputs: main,
    make: async () => {
      for (const { folder } of all)
        rmSync(join(root, folder, 'dist'), { recursive: true, force: true });
      await mustRun(process.execPath, ['node_modules/rollup/dist/bin/rollup', '-c', '--silent']);
      await buildDeclarations();
      copyPapers();
      await prepack();
    },
  });
}

/** npm packs only what lies in the folder of a package. */
function copyPapers() {
  for (const { folder } of publicPackages()) {
    for (const paper of ['LICENSE', 'THIRD_PARTY_NOTICES.md']) {
      copyFileSync(join(root, paper), join(root, folder, paper));
    }
  }
}

/** By hand, because .npmrc keeps npm from running install scripts, and with them `prepack`. */
async function prepack() {
  for (const { folder, manifest } of publicPackages()) {
    if (manifest.scripts?.prepack) {
      await mustRun('npm', ['run', 'prepack', '-w', folder], { stdout: 'pipe' });
    }
  }
}
