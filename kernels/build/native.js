// Compiles the kernels to machine code by native.json, as programs of kernels/native. It runs the one that measures:
// node kernels/build/native.js [ISA [CELL [THREADS]]]. Hosts (packages/backend-node) compile the same list.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** What hosts compile, in one place. */
export const nativeUnits = JSON.parse(readFileSync(join(ROOT, 'build/native.json'), 'utf8'));

const CROSS = {
  arm64: { compilers: ['aarch64-linux-gnu-gcc'], emulator: ['qemu-aarch64'] },
  x64: { compilers: ['x86_64-linux-gnu-gcc'], emulator: ['qemu-x86_64'] },
};

const answers = (command) => spawnSync(command, ['--version']).status === 0;

/** How programs for `arch` ('x64' or 'arm64') are compiled and run here, or why they are not. */
export function nativeToolchain(arch = process.arch) {
  if (!(arch in nativeUnits.sets)) return { obstacle: `no kernels for ${arch}` };
  if (process.platform === 'win32') return { obstacle: 'the programs are for Linux and macOS' };
  const own = arch === process.arch;
  const candidates = own ? [process.env.CC ?? 'cc', 'gcc', 'clang'] : CROSS[arch].compilers;
  const compiler = candidates.find(answers);
  if (compiler === undefined) return { obstacle: `no compiler: ${candidates.join(', ')}` };
  const emulator = own ? [] : CROSS[arch].emulator;
  if (!own && !answers(emulator[0])) return { obstacle: `no emulator: ${emulator[0]}` };
  return { arch, compiler, emulator, flags: own ? [] : ['-static'] };
}

const sources = () =>
  ['.', 'parts', 'cpu', 'native', 'build'].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => /\.([ch]|json)$/.test(name) || name === 'native.js')
      .map((name) => join(ROOT, folder, name)),
  );

const changed = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function compile({ compiler }, args) {
  const result = spawnSync(compiler, args, { cwd: ROOT, encoding: 'utf8' });
  if (result.status !== 0) {
    throw new Error(`${compiler} ${args.join(' ')}\n${result.stderr ?? result.error?.message}`);
  }
}

/** Compiles kernels/native/<program>.c if it is missing or older than a source, and returns its path. */
export function buildNative(program, toolchain) {
  const folder = join(ROOT, 'dist/native', toolchain.arch);
  const target = join(folder, program);
  const newest = Math.max(...sources().map(changed));
  if (changed(target) > newest) return target;
  mkdirSync(folder, { recursive: true });
  const { flags, sources: once, source, sets } = nativeUnits;
  const common = ['-c', '-I.', ...flags, ...toolchain.flags];
  const objects = Object.entries(sets[toolchain.arch]).map(([isa, setFlags]) => {
    const object = join(folder, `${isa}.o`);
    if (changed(object) > newest) return object;
    compile(toolchain, [...common, ...setFlags, `-DATTENTION_ISA=${isa}`, source, '-o', object]);
    return object;
  });
  const units = [...once, `native/${program}.c`];
  const link = ['-I.', ...flags, ...toolchain.flags, ...units, ...objects, '-lm', '-o', target];
  compile(toolchain, link);
  return target;
}

function main(args) {
  const toolchain = nativeToolchain();
  if (toolchain.obstacle !== undefined) throw new Error(`native kernels: ${toolchain.obstacle}`);
  const bench = buildNative('bench', toolchain);
  process.exitCode = spawnSync(bench, args, { stdio: 'inherit' }).status ?? 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
