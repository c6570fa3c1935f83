// `node packages/bench/scripts/webgl_folder.mjs OUT`: the WebGL benchmark for a bare x86-64 Linux machine with a GPU, which
// has neither Node nor Chromium nor a network. OUT then holds files of at most 44 MB and run.sh, which starts everything.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildWebGlBench } from '../../../scripts/lib/bench_gpu.mjs';

const CHROMIUM = '/usr/lib/chromium';
const CHROMIUM_FILES = [
  'chromium',
  'icudtl.dat',
  'v8_context_snapshot.bin',
  'snapshot_blob.bin',
  'resources.pak',
  'chrome_100_percent.pak',
  'libEGL.so',
  'libGLESv2.so',
  'libvulkan.so.1',
  'libvk_swiftshader.so',
  'vk_swiftshader_icd.json',
  'chrome_crashpad_handler',
  'locales/en-US.pak',
];
/** Every machine has these, and they must fit its kernel and loader. */
const SYSTEM = /\/(libc|libm|libdl|libpthread|librt|libgcc_s|libstdc\+\+|ld-linux-x86-64)\.so/;
/** Loaders by which Chromium finds the machine's GPU driver; nothing links to them. */
const LOADERS = [
  'libEGL.so.1',
  'libGLESv2.so.2',
  'libGLdispatch.so.0',
  'libGL.so.1',
  'libGLX.so.0',
  'libOpenGL.so.0',
];
const LIBRARIES = '/usr/lib/x86_64-linux-gnu';
const PIECE = '44000000';

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error('usage: node packages/bench/scripts/webgl_folder.mjs OUT');
if (!existsSync(join(CHROMIUM, 'chromium'))) {
  throw new Error(`${CHROMIUM}: no chromium there (Debian: apt-get install chromium)`);
}

const folder = resolve(out);
const work = mkdtempSync(join(tmpdir(), 'webgl-bench-'));
try {
  mkdirSync(folder, { recursive: true });
  await buildWebGlBench(folder);
  const chromium = join(work, 'chromium');
  copyAll(chromium);
  cpSync(process.execPath, join(work, 'node'));
  pack(['chromium', 'node']);
  cpSync(fileURLToPath(new URL('webgl_run.sh', import.meta.url)), join(folder, 'run.sh'));
  chmodSync(join(folder, 'run.sh'), 0o755);
  console.log(`${folder}: ${readdirSync(folder).join(', ')}`);
  console.log('on the machine with the GPU: ./run.sh --driver vulkan --json rows.json');
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** Chromium with every library that it is linked to, and the loaders. */
function copyAll(target) {
  mkdirSync(join(target, 'lib'), { recursive: true });
  for (const file of CHROMIUM_FILES) {
    if (existsSync(join(CHROMIUM, file))) cpSync(join(CHROMIUM, file), join(target, file));
  }
  const linked = execFileSync('ldd', [join(CHROMIUM, 'chromium')], { encoding: 'utf8' })
    .split('\n')
    .map((line) => /=> (\/\S+)/.exec(line)?.[1])
    .filter((path) => path !== undefined && !SYSTEM.test(path));
  const loaders = LOADERS.map((name) => join(LIBRARIES, name)).filter((path) => existsSync(path));
  for (const path of new Set([...linked, ...loaders])) {
    cpSync(realpathSync(path), join(target, 'lib', basename(path)));
  }
}

/** One compressed archive in pieces, so that each can travel alone. */
function pack(names) {
  const archive = join(work, 'runtime.tar.xz');
  execFileSync('tar', ['-C', work, '-I', 'xz -T0 -1', '-cf', archive, ...names]);
  for (const old of readdirSync(folder).filter((name) => name.startsWith('runtime.tar.xz.'))) {
    rmSync(join(folder, old));
  }
  execFileSync('split', ['-b', PIECE, '-d', archive, join(folder, 'runtime.tar.xz.')]);
  writeFileSync(join(folder, 'README'), 'The WebGL benchmark of tfjs-attention: ./run.sh --help\n');
}
