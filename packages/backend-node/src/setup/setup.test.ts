import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { SetupOptions } from './options.js';
import { setUpTensorFlow, type Host } from './setup.js';
import type { Result } from './shell.js';

// pip, npm and the compiler are played by functions; files, hashes and the order of things are real.

const WHEEL = 'bytes of a wheel';
const sha256 = createHash('sha256').update(WHEEL).digest('hex');
const FILE = 'tensorflow_cpu-2.20.0-cp311-cp311-manylinux_2_17_x86_64.whl';
let folder: string;
let options: SetupOptions;
let calls: string[];
let said: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tfjs-attention-setup-'));
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{}');
  options = {
    ...{ version: '2.20.0', gpu: false, project, cache: join(folder, 'cache') },
    ...{ dryRun: false, force: false },
  };
  calls = [];
  said = '';
});
afterEach(() => rmSync(folder, { recursive: true }));

interface World {
  /** What the index says of the wheel. */
  announced?: string;
  /** What pip brings. */
  brought?: string;
  unpacks?: boolean;
  runsOn?: string;
}

const library = () => join(options.project, 'node_modules/@tensorflow/tfjs-node');

const host: Host = { platform: 'linux', arch: 'x64', env: {} };

const setUp = (world: World = {}) =>
  setUpTensorFlow(options, play(world), (text) => (said += text), host);

function play({ announced = sha256, brought = WHEEL, unpacks = true, runsOn = '2.20.0' }: World) {
  const done = (stdout = ''): Result => ({ code: 0, stdout, stderr: '' });
  const failed = (stderr: string): Result => ({ code: 1, stdout: '', stderr });
  const answers: [RegExp, (args: readonly string[]) => Result][] = [
    [/pip --version/, () => done('pip 24.0 from somewhere')],
    [/g\+\+ --version/, () => done()],
    [/pip install --dry-run/, () => done(report(announced))],
    [/^npm install/, () => install()],
    [/pip download/, () => download(brought)],
    [/^python3 - /, ([, , target]) => (unpacks ? unpack(target) : failed('no space left'))],
    [/g\+\+ -std/, () => compile()],
    [/ -e /, () => done(`\n${JSON.stringify({ values: [22, 28, 49, 64], version: runsOn })}\n`)],
  ];
  const install = () => {
    mkdirSync(library(), { recursive: true });
    writeFileSync(join(library(), 'package.json'), '{"version": "4.22.0"}');
    return done();
  };
  const download = (bytes: string) => {
    writeFileSync(join(options.cache, FILE), bytes);
    return done();
  };
  const unpack = (target: string) => {
    mkdirSync(join(target, 'lib'));
    const names = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
    for (const name of names) writeFileSync(join(target, 'lib', name), 'new');
    return done(names.join('\n'));
  };
  const compile = () => {
    writeFileSync(join(library(), 'lib/napi-v8/tfjs_binding.node'), 'built');
    return done();
  };
  return (command: string, args: readonly string[]) => {
    const line = [command, ...args].join(' ');
    const found = answers.find(([pattern]) => pattern.test(line));
    if (found === undefined) throw new Error(`nobody plays ${line}`);
    calls.push(found[0].source);
    return Promise.resolve(found[1](args));
  };
}

const report = (hash: string) =>
  JSON.stringify({
    install: [
      {
        download_info: {
          url: `https://index.invalid/packages/${FILE}`,
          archive_info: { hashes: { sha256: hash } },
        },
      },
    ],
  });

test('shows the plan, installs, fetches, unpacks, builds and verifies; a second run only verifies', async () => {
  await setUp();
  expect(said).toContain(`sha256 ${sha256} (the index's word)`);
  expect(said).toMatch(/npm install --ignore-scripts @tensorflow\/tfjs-node@4\.22\.0/);
  expect(said).toMatch(/runs on TensorFlow 2\.20\.0\n$/);
  expect(readFileSync(join(library(), 'deps/lib/libtensorflow_cc.so.2'), 'utf8')).toBe('new');
  calls = [];
  await setUp();
  expect(calls).toEqual([' -e ']);
  expect(said).toMatch(/already\n$/);
});

test('a wheel in the cache is not fetched again, one that differs is', async () => {
  await setUp();
  calls = [];
  options.force = true;
  await setUp();
  expect(calls).not.toContain('pip download');
  writeFileSync(join(options.cache, FILE), 'torn');
  await setUp();
  expect(calls).toContain('pip download');
});

test('--dry-run shows the plan and touches nothing', async () => {
  options.dryRun = true;
  await setUp();
  expect(said).toContain(`https://index.invalid/packages/${FILE}`);
  expect(existsSync(options.cache)).toBe(false);
  expect(existsSync(library())).toBe(false);
});

test('--gpu names the CUDA libraries that it will look for', async () => {
  options.gpu = true;
  options.dryRun = true;
  await setUp();
  expect(said).toMatch(/tfjs-node-gpu@4\.22\.0/);
  expect(said).toMatch(/CUDA 12\.5 with cuDNN 9\.3: libcudart\.so\.12 /);
});

test('what pip brings must have the announced hash', async () => {
  await expect(setUp({ brought: 'other bytes' })).rejects.toThrow(/not used/);
  expect(existsSync(join(library(), 'deps'))).toBe(false);
});

test('an index that offers another file under a known version is refused before the download', async () => {
  options.version = '2.21.0';
  await expect(setUp({ announced: sha256 })).rejects.toThrow(/not fetched/);
  expect(calls).not.toContain('pip download');
});

test('libraries that were there stay where the new ones do not unpack', async () => {
  await setUp();
  options.force = true;
  await expect(setUp({ unpacks: false })).rejects.toThrow(/no space left/);
  expect(existsSync(join(library(), 'deps/lib/libtensorflow_cc.so.2'))).toBe(true);
  expect(existsSync(join(library(), 'deps.new'))).toBe(false);
});

test('another TensorFlow than the one asked for is no success', async () => {
  await expect(setUp({ runsOn: '2.9.1' })).rejects.toThrow(
    /TensorFlow 2\.9\.1 instead of 2\.20\.0/,
  );
  expect(existsSync(join(library(), 'deps/tfjs-attention-setup.json'))).toBe(false);
});

test('a folder without a manifest, and a tfjs-node of another generation, are named', async () => {
  options.project = folder;
  await expect(setUp()).rejects.toThrow(/has no package\.json/);
  options.project = join(folder, 'project');
  mkdirSync(library(), { recursive: true });
  writeFileSync(join(library(), 'package.json'), '{"version": "3.21.0"}');
  await expect(setUp()).rejects.toThrow(/tfjs-node 3\.21\.0 is installed/);
});
