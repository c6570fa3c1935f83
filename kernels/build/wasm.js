// Compiles kernels/cpu to kernels/dist/{attention,ceiling}_{simd,relaxed}.wasm with the npm build of clang.
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { commands, runLLVM } from '@yowasp/clang';

const ROOT = new URL('../', import.meta.url);
const ATTENTION = [
  'rows',
  'decode_rows',
  'schedule',
  'prefill',
  'decode',
  'merge',
  'cache',
  'backward',
];
const MODULES = { attention: ATTENTION, ceiling: ['ceiling'] };
const FLAVOURS = { simd: [], relaxed: ['-mrelaxed-simd'] };

// Loop strength reduction would trade constant offsets, which are free in WebAssembly loads, for additions.
const COMPILE = [
  '--target=wasm32',
  '-std=c11',
  '-I.',
  '-O3',
  '-ffreestanding',
  '-fno-builtin',
  '-fvisibility=hidden',
  '-msimd128',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-mllvm',
  '-disable-lsr',
];
const LINK = [
  '--no-entry',
  '--export-dynamic',
  '--import-memory',
  '--max-memory=4294967296',
  '--export=__stack_pointer',
  '--strip-all',
  '-z',
  'stack-size=8192',
];

async function readSources() {
  const tree = {};
  for (const folder of ['', 'parts/', 'cpu/']) {
    const directory = new URL(folder, ROOT);
    const files = folder === '' ? tree : (tree[folder.slice(0, -1)] = {});
    for (const name of await readdir(directory)) {
      if (/\.[ch]$/.test(name)) files[name] = await readFile(new URL(name, directory));
    }
  }
  return tree;
}

async function runTool(name, args, files) {
  let log = '';
  const stderr = (bytes) => {
    if (bytes) log += new TextDecoder().decode(bytes);
  };
  try {
    return await commands[name](args, files, { stderr });
  } catch (error) {
    throw new Error(`${name} ${args.join(' ')}\n${log || error.message}`, { cause: error });
  }
}

async function buildModule(sources, units, flags) {
  const compile = ['-c', ...COMPILE, ...flags, ...units.map((unit) => `cpu/${unit}.c`)];
  const objects = await runTool('clang', compile, sources);
  const names = units.map((unit) => `${unit}.o`);
  const linked = await runTool('wasm-ld', [...LINK, ...names, '-o', 'module.wasm'], objects);
  return linked['module.wasm'];
}

await mkdir(new URL('dist', ROOT), { recursive: true });
await runLLVM(null, {}, { fetchProgress: () => {} });
const sources = await readSources();
for (const [name, units] of Object.entries(MODULES)) {
  for (const [flavour, flags] of Object.entries(FLAVOURS)) {
    const file = `dist/${name}_${flavour}.wasm`;
    const bytes = await buildModule(sources, units, flags);
    await writeFile(new URL(file, ROOT), bytes);
    console.log(`kernels/${file}: ${bytes.length} bytes`);
  }
}
