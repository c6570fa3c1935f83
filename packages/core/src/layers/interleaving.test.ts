import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from '@jest/globals';
import { getForwardContext, withForwardContext } from '../forward_context.js';
import { greedy, TinyModel } from './tiny_model.js';

const PROMPTS = [[3, 1, 4, 1, 5], [9, 2, 6, 5, 3, 5]]; // prettier-ignore
const BLOCKS = [[4, 1, 7, 2], [3, 6, 0, 5]]; // prettier-ignore

beforeAll(() => {
  tf.env().set('IS_TEST', true);
  return tf.setBackend('cpu');
});

/** Two models whose layers have the same names. */
const models = () => [new TinyModel(100), new TinyModel(200)];
const alone = () =>
  models().map((model, i) => model.generate(PROMPTS[i], 0, 6, model.caches(8, 3), BLOCKS[i]));

const turn = () => new Promise((resolve) => setTimeout(resolve));

test('models that take turns never see each other: contexts handed over', async () => {
  const expected = alone();
  const order: number[] = [];
  const run = async (model: TinyModel, i: number) => {
    const kvCaches = model.caches(8, 3);
    const all = [...PROMPTS[i]];
    for (let done = 0; all.length < PROMPTS[i].length + 6;) {
      const context = model.context(kvCaches, BLOCKS[i], done, all.length);
      await turn();
      const logits = model.forward(all.slice(done), context);
      expect(getForwardContext()).toBeUndefined();
      await turn();
      order.push(i);
      done = all.length;
      all.push(greedy(logits));
    }
    return all.slice(PROMPTS[i].length);
  };
  expect(await Promise.all(models().map(run))).toEqual(expected);
  // Each had steps before the other's last one.
  expect(order.indexOf(1)).toBeLessThan(order.lastIndexOf(0));
  expect(order.indexOf(0)).toBeLessThan(order.lastIndexOf(1));
}); // prettier-ignore

test('models that take turns never see each other: a scope around each step', async () => {
  const expected = alone();
  const run = async (model: TinyModel, i: number) => {
    const kvCaches = model.caches(8, 3);
    const all = [...PROMPTS[i]];
    for (let done = 0; all.length < PROMPTS[i].length + 6;) {
      const context = model.context(kvCaches, BLOCKS[i], done, all.length);
      const logits = withForwardContext(context, () => model.forward(all.slice(done)));
      const rows = await logits.data();
      const last = tf.tensor2d(rows, logits.shape as [number, number]);
      done = all.length;
      all.push(greedy(last));
    }
    return all.slice(PROMPTS[i].length);
  };
  expect(await Promise.all(models().map(run))).toEqual(expected);
  expect(expected[0]).not.toEqual(expected[1]);
});

test('a handed-over context wins over the scope', () => {
  const [model] = models();
  const [ours, scope] = [model.caches(8, 3), model.caches(8, 3)];
  const [one, other] = [ours, scope].map((caches) => model.context(caches, BLOCKS[0], 0, 5));
  withForwardContext(other, () => model.forward(PROMPTS[0], one));
  const written = (caches: typeof ours) =>
    Object.values(caches).map((cache) => cache.toTensors().key.dataSync().some((x) => x !== 0)); // prettier-ignore
  expect(written(ours)).toEqual([true, true]);
  expect(written(scope)).toEqual([false, false]);
});
