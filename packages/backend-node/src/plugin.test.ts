import * as tf from '@tensorflow/tfjs-core';
import {
  announcedBackends,
  BackendMismatchError,
  explainAttnBackend,
  flashAttention,
  FullAttentionSpec,
  KvCache,
} from '@tfjs-attention/core';
import { KERNEL_NAMES, TRAINING_KERNEL_NAMES } from '@tfjs-attention/core/provider';
import { beforeAll, expect, test } from '@jest/globals';
import { registerTensorFlowBackend } from './index.js';
import { describeTensorFlow } from './tensorflow_test.js';

const kernelsOf = (name: string) =>
  tf
    .getKernelsForBackend(name)
    .map(({ kernelName }) => kernelName)
    .sort();

const OURS = [...KERNEL_NAMES, ...TRAINING_KERNEL_NAMES].sort();

describeTensorFlow('the plugin of tfjs-node', () => {
  beforeAll(() => {
    tf.env().set('IS_TEST', true);
  });

  test('tfjs-node has the documented kernels beside its own', () => {
    const ours = kernelsOf('tensorflow').filter((kernel) => kernel.startsWith('TfjsAttn'));
    expect(ours).toEqual(OURS);
  });

  test('is the whole stock backend and ours, beside the stock one', async () => {
    const stockKernels = kernelsOf('tensorflow').filter((kernel) => !kernel.startsWith('TfjsAttn'));
    await tf.setBackend('tensorflow');
    const stockBackend = tf.backend();
    const spec = new FullAttentionSpec({ blockSize: 4, numKvHeads: 1, headSize: 8 });
    const stockCache = new KvCache(spec, { numBlocks: 2 });

    registerTensorFlowBackend({ name: 'tensorflow-attention' });
    expect(await tf.setBackend('tensorflow-attention')).toBe(true);
    expect(kernelsOf('tensorflow-attention')).toEqual([...stockKernels, ...OURS].sort());
    expect(tf.backend()).not.toBe(stockBackend);
    expect(announcedBackends()).toContain('tensorflow-attention');
    expect(explainAttnBackend(64).kernels).toBe('FUSED');

    const x = tf.tensor4d([1, 2, 3, 4], [1, 2, 1, 2]);
    const causal = flashAttention(x, x, x, { causal: true, implementation: 'FUSED' });
    expect([...tf.add(causal, 0).dataSync()].slice(0, 2)).toEqual([1, 2]);
    const cache = new KvCache(spec, { numBlocks: 2 });
    expect([...cache.toTensors().key.dataSync()]).toEqual(new Array(64).fill(0));
    expect(() => stockCache.toTensors()).toThrow(BackendMismatchError);
    cache.dispose();
    await tf.setBackend('tensorflow');
    expect([...stockCache.toTensors().key.dataSync()]).toEqual(new Array(64).fill(0));
    stockCache.dispose();
    expect(() => registerTensorFlowBackend({ name: 'tensorflow-attention' })).toThrow(/already/);
  });

  test('a cache of a backend object that was removed is refused', async () => {
    registerTensorFlowBackend({ name: 'gone' });
    await tf.setBackend('gone');
    const spec = new FullAttentionSpec({ blockSize: 4, numKvHeads: 1, headSize: 8 });
    const cache = new KvCache(spec, { numBlocks: 2 });
    tf.removeBackend('gone');
    registerTensorFlowBackend({ name: 'gone' });
    await tf.setBackend('gone');
    expect(() => cache.toTensors()).toThrow(BackendMismatchError);
    await tf.setBackend('tensorflow');
  });

  test('names that tfjs cannot keep apart are refused', () => {
    expect(() => registerTensorFlowBackend({ name: 'tensorflow_attention' })).toThrow(/'_'/);
    expect(() => registerTensorFlowBackend({ name: '' })).toThrow(/name/);
  });
});
