import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { announcedBackends, explainAttnBackend, flashAttention } from '@tfjs-attention/core';
import { KERNEL_NAMES, TRAINING_KERNEL_NAMES } from '@tfjs-attention/core/provider';
import { beforeAll, expect, test } from '@jest/globals';
import { registerCpuBackend, registerWasmBackend } from './index.js';

beforeAll(() => {
  tf.env().set('IS_TEST', true);
});

const OURS = [...KERNEL_NAMES, ...TRAINING_KERNEL_NAMES].sort();
const kernelsOf = (name: string) =>
  tf
    .getKernelsForBackend(name)
    .map(({ kernelName }) => kernelName)
    .sort();

test.each(['cpu', 'wasm'])('%s has the documented kernels beside its own', (name) => {
  expect(kernelsOf(name).filter((kernel) => kernel.startsWith('TfjsAttn'))).toEqual(OURS);
});

test.each([
  ['cpu', 'cpu-attention', registerCpuBackend],
  ['wasm', 'wasm-attention', registerWasmBackend],
] as const)(
  'the plugin of %s is the whole stock backend and ours',
  async (stock, name, register) => {
    const stockKernels = kernelsOf(stock).filter((kernel) => !kernel.startsWith('TfjsAttn'));
    await tf.setBackend(stock);
    const stockBackend = tf.backend();
    register({ name });
    expect(await tf.setBackend(name)).toBe(true);
    expect(kernelsOf(name)).toEqual([...stockKernels, ...OURS].sort());
    expect(tf.backend()).not.toBe(stockBackend);
    expect(announcedBackends()).toContain(name);
    expect(explainAttnBackend(64).kernels).toBe('FUSED');

    const x = tf.tensor4d([1, 2, 3, 4], [1, 2, 1, 2]);
    const causal = flashAttention(x, x, x, { causal: true });
    expect([...tf.add(causal, 0).dataSync()].slice(0, 2)).toEqual([1, 2]);
    expect(() => register({ name })).toThrow(/already/);
  },
);

test('names that tfjs cannot keep apart are refused', () => {
  expect(() => registerCpuBackend({ name: 'cpu_attention' })).toThrow(/'_'/);
  expect(() => registerWasmBackend({ name: '' })).toThrow(/name/);
});
