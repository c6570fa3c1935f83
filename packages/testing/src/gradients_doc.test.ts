import { readFileSync } from 'node:fs';
import '@tensorflow/tfjs-backend-cpu';
import '@tfjs-attention/backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from '@jest/globals';
import { flashAttention } from '@tfjs-attention/core';

interface Shown {
  value: tf.Tensor;
  grads: tf.Tensor[];
  dropped: tf.Tensor;
}

test('the example of docs/gradients.md runs, fused', async () => {
  const text = readFileSync(new URL('../../../docs/gradients.md', import.meta.url), 'utf8');
  const [, code] = /```js\n(.*?)```/s.exec(text) ?? [];
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- it is this repository's own text
  const example = new Function('tf', 'flashAttention', `${code}\nreturn { value, grads, dropped };`) as (library: typeof tf, op: typeof flashAttention) => Shown; // prettier-ignore
  await tf.setBackend('cpu');
  let shown: Shown | undefined;
  const { kernelNames } = await tf.profile(() => void (shown = example(tf, flashAttention)));
  expect(kernelNames).toEqual(expect.arrayContaining(['TfjsAttnForward', 'TfjsAttnBackward']));
  expect(shown?.grads.map(({ shape }) => shape)).toEqual([[1, 64, 4, 16], [1, 64, 2, 16], [1, 64, 2, 16], [4]]); // prettier-ignore
  for (const x of [shown?.value, shown?.dropped, ...(shown?.grads ?? [])]) {
    expect(x?.dataSync().every(Number.isFinite)).toBe(true);
  }
});
