import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeKernels } from '@tfjs-attention/core';
import { CLEAR_GAP, maxDistance, openModel, readReference, TINY_LLAMA } from './fixtures.js';
import { variantPath } from './fixtures.js';
import { follow } from './follow.js';
import type { DecoderModel } from './model/model.js';
import { run } from './run.js';
import { loadTensorFlow } from './tensorflow.js';

const reason = await loadTensorFlow().then(
  () => undefined,
  (error: Error) => error.message,
);
if (reason !== undefined && process.env.CI === 'true') throw new Error(reason);
const describeHere = reason === undefined ? describe : describe.skip;

describeHere("on tfjs backend 'tensorflow'", () => {
  const { cases } = readReference('tiny-llama');

  describe('tiny-llama gives what Hugging Face gives', () => {
    let model: DecoderModel;
    beforeAll(async () => {
      model = await openModel(TINY_LLAMA, 'tensorflow');
    });
    afterAll(() => model.dispose());

    test('through the ops of the addon', () => {
      expect(describeKernels('tensorflow')).toMatch(/^TensorFlow [\d.]+ custom ops/);
    });

    test.each(cases)('$prompt', async (expected) => {
      const { scores, all } = await follow(model, expected);
      expect(maxDistance(scores, expected.lastLogits)).toBeLessThan(2e-3);
      if (expected.minTop2Gap > CLEAR_GAP) expect(all).toEqual(expected.greedyIds);
    });
  });

  test.each(['mistral-window', 'gemma2-softcap', 'gptoss-sinks'] as const)('%s', async (name) => {
    const model = await openModel(variantPath(name), 'tensorflow', 128);
    for (const expected of readReference(name).cases) {
      const { scores } = await follow(model, expected, { blockSize: 4, prefillChunk: 10 });
      expect(maxDistance(scores, expected.lastLogits)).toBeLessThan(2e-3);
    }
    model.dispose();
  });

  test.each(['auto', 'int8', 'fp8'])('the program, with a %s cache', async (dtype) => {
    let [out, err] = ['', ''];
    const args = ['--backend', 'tensorflow', '--threads', '1', '--kv-cache-dtype', dtype];
    const code = await run([...args, '--max-tokens', '3'], TINY_LLAMA, {
      stdout: { write: (text: string) => (out += text) },
      stderr: { write: (text: string) => (err += text) },
    });
    expect({ code, out }).toEqual({ code: 0, out: 'In the beginning of the LORD\n' });
    expect(err).toMatch(/tfjs backend {2}tensorflow: asked for/);
    expect(err).toMatch(/FUSED: TensorFlow [\d.]+ custom ops, .*, 1 thread\n/);
  });
});
