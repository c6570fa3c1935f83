import '@tensorflow/tfjs-backend-cpu';
import '@tfjs-attention/backend-cpu';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { FIXTURES, apart, modelFixture, outputsOf } from '../graph/fixtures.js';
import { main } from './index.js';

let folder: string;
let [printed, complained] = ['', ''];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fuse-'));
  [printed, complained] = ['', ''];
});
afterEach(() => rmSync(folder, { recursive: true }));

const cli = (...args: string[]) =>
  main(args, {
    print: (text) => (printed += text),
    complain: (text) => (complained += text),
    bringUpBackend: () => Promise.resolve(),
  });
const gpt = join(FIXTURES, 'gpt/model.json');

test('a fused model is written with its weights and runs as the original', async () => {
  const out = join(folder, 'out');
  expect(await cli('fuse', gpt, out, '--verify')).toBe(0);
  expect(printed).toBe(
    '1 fused, 0 skipped, 180 nodes became 88\n' +
      'fused    transpose_3: scale, causal, grouped heads, transposes',
  );
  const model = JSON.parse(readFileSync(join(out, 'model.json'), 'utf8')) as {
    modelTopology: object;
    weightsManifest: { weights: [] }[];
  };
  const fixture = modelFixture('gpt');
  const weightData = new Uint8Array(readFileSync(join(out, 'weights.bin'))).buffer;
  const { values, kernels } = await outputsOf(
    { ...fixture.artifacts, modelTopology: model.modelTopology, weightData },
    fixture.inputs,
  );
  expect(apart(values, fixture.outputs)).toBeLessThan(1e-5);
  expect(kernels).toContain('TfjsAttnPrefill');
});

test.each([
  [[], "unknown command ''"],
  [['fuse', 'model.json'], 'fuse takes a model.json and a folder'],
  [['fuse', 'a', 'b', '--prefer', 'gpu'], "--prefer must be auto, fused or stock, got 'gpu'"],
  [['fuse', 'a', 'b', '--nonsense'], "Unknown option '--nonsense'"],
])('%j is a wrong call', async (args, message) => {
  expect(await cli(...args)).toBe(2);
  expect(complained).toContain(message);
  expect(complained).toContain('usage: tfjs-attention fuse');
});

test('a model is never written over itself', async () => {
  const before = readFileSync(gpt, 'utf8');
  expect(await cli('fuse', gpt, join(FIXTURES, 'gpt'))).toBe(1);
  expect(complained).toMatch(/is the folder of .*; write the fused model into another one/);
  expect(readFileSync(gpt, 'utf8')).toBe(before);
});

test.each([
  ['{', 'is no JSON'],
  ['{"modelTopology": {}}', "has no list 'node'"],
  ['{"weightsManifest": 3}', 'weightsManifest must be a list of groups'],
  ['{"weightsManifest": [{"paths": ["../x.bin"], "weights": []}]}', 'lies outside its folder'],
  ['{"weightsManifest": [{"paths": ["absent.bin"], "weights": []}]}', 'absent.bin'],
])('the file %s is refused and nothing is written', async (text, message) => {
  writeFileSync(join(folder, 'model.json'), text);
  const out = join(folder, 'out');
  expect(await cli('fuse', join(folder, 'model.json'), out)).toBe(1);
  expect(complained).toContain(message);
  expect(existsSync(out)).toBe(false);
});
