// Type declarations of the libraries: one tsc run over all sources, laid beside the built modules as .d.ts and .d.cts.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesBelow } from './inputs.mjs';
import { root } from './root.mjs';
import { mustRun } from './run.mjs';
import { publicPackages } from './workspaces.mjs';

const STAGE = 'node_modules/.declarations';
const RELATIVE_MODULE = /((?:from|import)\s*\(?\s*['"]\.{1,2}\/[^'"]*)\.js(['"])/g;

/** A CommonJS consumer must be sent to the .cjs files, or its types claim modules that it cannot require. */
export const toCommonJs = (declaration) => declaration.replace(RELATIVE_MODULE, '$1.cjs$2');

export async function buildDeclarations() {
  rmSync(join(root, STAGE), { recursive: true, force: true });
  await mustRun(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', STAGE],
    { stdout: 'pipe' },
  );
  for (const { folder } of publicPackages()) {
    const source = `${STAGE}/${folder}/src`;
    for (const file of filesBelow(source, /\.d\.ts$/)) {
      const text = readFileSync(join(root, file), 'utf8');
      const target = join(root, folder, 'dist', file.slice(source.length));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, text);
      writeFileSync(target.replace(/\.d\.ts$/, '.d.cts'), toCommonJs(text));
    }
  }
}
