import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { profile, setBackend, tidy, variableGrads } from '@tensorflow/tfjs-core';
import { run as generate } from '../../generate/src/run.js';
import { DiskFiles } from '../../generate/src/checkpoint/disk_files.js';
import { withDirectory } from '../../generate/src/temp_checkpoint.js';
import { TextTokenizer } from '../../generate/src/tokenizer.js';
import '../../generate/src/tf_backend.js';
import { drawBatch, randomSource } from './batches.js';
import { bytesOf } from './byte_tokenizer.js';
import { TrainableModel } from './model.js';
import { run } from './run.js';

const TEXT = fileURLToPath(new URL('../text/genesis.txt', import.meta.url));

class Lines {
  stdoutText = '';
  stderrText = '';
  readonly stdout = { write: (text: string) => (this.stdoutText += text) };
  readonly stderr = { write: (text: string) => (this.stderrText += text) };
}

async function trainInto(directory: string, ...more: string[]): Promise<Lines> {
  const lines = new Lines();
  const small = ['--backend', 'wasm', '--layers', '1', '--hidden', '32', '--length', '32'];
  const args = [...small, '--batch', '4', '--out', directory, ...more];
  expect([await run(args, TEXT, lines), lines.stderrText]).toEqual([0, expect.anything()]);
  return lines;
}

test('what was trained is a checkpoint that the generator runs', async () => {
  await withDirectory(async (directory) => {
    const out = join(directory, 'model');
    const { stderrText } = await trainInto(out, '--steps', '40', '--rate', '0.01');
    const [, first, last] = /loss ([\d.]+) -> ([\d.]+)/.exec(stderrText) ?? [];
    // A byte of 256 that nothing is known of costs 5.5 nats.
    expect(Number(first)).toBeGreaterThan(4.5);
    expect(Number(last)).toBeLessThan(3.3);
    expect(readFileSync(join(out, 'loss.svg'), 'utf8')).toMatch(/^<svg.*step/s);

    const lines = new Lines();
    const args = ['--model', out, '--prompt', 'And God', '--max-tokens', '8', '--backend', 'wasm'];
    expect([await generate(args, out, lines), lines.stdoutText]).toEqual([0, expect.any(String)]);
    expect(bytesOf(lines.stdoutText).length).toBeGreaterThan('And God'.length);
  });
});

test('the tokens of a text are its bytes, and back', async () => {
  await withDirectory(async (directory) => {
    await trainInto(directory, '--steps', '1');
    const tokenizer = TextTokenizer.load(new DiskFiles(directory), null);
    for (const text of ['In the beginning', "wife's  name;\n\tEve", 'Thou — ĉielo ✓ \u00ad']) {
      const ids = tokenizer?.encode(text) ?? [];
      expect(ids).toEqual([...bytesOf(text)]);
      expect(tokenizer?.decode(ids)).toBe(text);
    }
  });
});

test('a step runs the fused kernels, forward and backward', async () => {
  await setBackend('wasm');
  const shape = { numLayers: 1, hiddenSize: 16, intermediateSize: 24, numHeads: 2, numKvHeads: 1, maxPositions: 20 }; // prettier-ignore
  const model = new TrainableModel(shape, 1);
  const batch = drawBatch(bytesOf(readFileSync(TEXT, 'utf8')), 2, 20, randomSource(1));
  const { kernelNames } = await profile(() =>
    tidy(() => void variableGrads(() => model.loss(batch))),
  );
  expect(kernelNames).toEqual(expect.arrayContaining(['TfjsAttnForward', 'TfjsAttnBackward']));
  model.dispose();
});

test.each([
  [['--text', 'nowhere.txt'], /nowhere\.txt: cannot be read/],
  [['--heads', '3'], /--hidden 64 must be a multiple of twice --heads 3/],
  [['--kv-heads', '3'], /--heads 4 must be a multiple of --kv-heads 3/],
  [['--length', '100000'], /needs a text of more bytes/],
  [['--steps', '0'], /at least 1/],
])('%j is refused in one line', async (args, message) => {
  const lines = new Lines();
  const out = join('nowhere', 'at', 'all');
  expect(await run([...args, '--out', out], TEXT, lines)).toBe(1);
  expect(lines.stderrText).toMatch(message);
  expect(existsSync(out)).toBe(false);
});
