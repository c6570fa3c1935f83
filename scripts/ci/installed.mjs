import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { consumer } from '../lib/consumer.mjs';
import { asCommonJs, readmeExamples } from '../lib/readme_example.mjs';
import { root } from '../lib/root.mjs';
import { mustRun } from '../lib/run.mjs';
import { visit } from '../lib/visit.mjs';
import { publicPackages } from '../lib/workspaces.mjs';

/** The packed tarballs install into an empty project, where the README's examples type-check and run in three ways. */
export async function check() {
  const folder = await consumer();
  const notes = [];
  for (const { name, source } of readmeExamples()) {
    const printed = await runInNode(folder, name, source);
    await checkTypes(folder, name, source);
    await runInPage(folder, name);
    notes.push(`${name}: ${printed}`);
  }
  await runPrograms(folder);
  return notes.join('; ');
}

/** Whatever a package puts on the command line answers there. */
async function runPrograms(folder) {
  for (const { manifest } of publicPackages()) {
    for (const name of Object.keys(manifest.bin ?? {})) {
      const said = await mustRun('npx', ['--no', name, '--', '--help'], {
        cwd: folder,
        stdout: 'pipe',
      });
      if (!said.includes(`${name} `)) throw new Error(`${name} --help says: ${said}`);
    }
  }
}

async function runInNode(folder, name, source) {
  writeFileSync(join(folder, `${name}.mjs`), source);
  writeFileSync(join(folder, `${name}.cjs`), asCommonJs(source));
  const options = { cwd: folder, stdout: 'pipe' };
  const esm = printedBy(await mustRun(process.execPath, [`${name}.mjs`], options));
  const cjs = printedBy(await mustRun(process.execPath, [`${name}.cjs`], options));
  if (esm === '') throw new Error(`README's ${name} prints nothing`);
  if (cjs !== esm) throw new Error(`README's ${name}: CommonJS printed ${cjs}, ESM ${esm}`);
  return esm;
}

/** The last line; above it tfjs may advertise its Node package. */
const printedBy = (output) => output.trim().split('\n').at(-1);

/** As TypeScript of an ES module and of a bundled one, and its imports from CommonJS. */
async function checkTypes(folder, name, source) {
  const imports = source.match(/^import[^;]*;/gm).join('\n');
  const files = { [`${name}_types.mts`]: source, [`${name}_types.cts`]: imports };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const common = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022'];
  for (const [module, resolution, checked] of [
    ['node16', 'node16', Object.keys(files)],
    ['esnext', 'bundler', [`${name}_types.mts`]],
  ]) {
    const flags = ['--module', module, '--moduleResolution', resolution];
    await mustRun(process.execPath, [tsc, ...common, ...flags, ...checked], {
      cwd: folder,
      stdout: 'pipe',
    });
  }
}

async function runInPage(folder, name) {
  await build({
    entryPoints: [join(folder, `${name}.mjs`)],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    outfile: join(folder, `${name}_page.js`),
    logLevel: 'error',
  });
  writeFileSync(
    join(folder, `${name}.html`),
    `<!doctype html><script type="module">
      await import('./${name}_page.js');
      globalThis.finished = true;
    </script>`,
  );
  const printed = await visit(folder, `/${name}.html`);
  if (printed.trim() === '') throw new Error(`README's ${name} prints nothing in a page`);
}
