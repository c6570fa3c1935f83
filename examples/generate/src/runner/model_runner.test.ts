import { expect, test } from '@jest/globals';
import { tensor1d, type Tensor2D } from '@tensorflow/tfjs-core';
import { maxDistance, openModel, variantPath } from '../fixtures.js';
import { blocksForOne } from './kv_caches.js';
import { ModelRunner } from './model_runner.js';

const CACHE = { blockSize: 4, kvCacheDtype: 'float32' } as const;
const PROMPTS = [3, 20, 11, 1, 17, 8].map((length, i) =>
  Array.from({ length }, (_, j) => 2 + ((i * 29 + j * 37) % 120)),
);

test.each(['cpu', 'wasm'])(
  "on '%s' a sequence's scores do not depend on those beside it",
  async (backend) => {
    const model = await openModel(variantPath('gemma2-softcap'), backend, 64);
    const scoresOf = (prompts: readonly (readonly number[])[]): number[][] => {
      const room = (specs: Parameters<typeof blocksForOne>[0]) =>
        1 + prompts.length * (blocksForOne(specs, 20, 20) - 1);
      const runner = new ModelRunner(model, CACHE, room);
      const groups = runner.caches.config.kvCacheGroups;
      let nextBlock = 1;
      const steps = prompts.map((ids) => ({
        start: 0,
        count: ids.length,
        blockIds: groups.map(() =>
          Array.from({ length: Math.ceil(ids.length / 4) }, () => nextBlock++),
        ),
      }));
      let end = 0;
      const last = prompts.map((ids) => (end += ids.length) - 1);
      const tokens = tensor1d(prompts.flat(), 'int32');
      const scores = runner.step(tokens, steps, last) as Tensor2D;
      const rows = scores.arraySync();
      [tokens, scores].forEach((tensor) => tensor.dispose());
      runner.dispose();
      return rows;
    };
    const together = scoresOf(PROMPTS);
    PROMPTS.forEach((prompt, i) => {
      const [alone] = scoresOf([prompt]);
      expect(maxDistance(together[i], alone)).toBeLessThan(1e-5);
      expect(maxDistance(together[i], together[(i + 1) % PROMPTS.length])).toBeGreaterThan(1);
    });
    model.dispose();
  },
);
