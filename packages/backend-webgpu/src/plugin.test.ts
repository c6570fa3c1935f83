import * as tf from '@tensorflow/tfjs-core';
import {
  announcedBackends,
  BackendMismatchError,
  describeKernels,
  explainAttnBackend,
  flashAttention,
  FullAttentionSpec,
  KvCache,
} from '@tfjs-attention/core';
import { expect, jest, test } from '@jest/globals';
import { registerWebGPUBackend } from './index.js';
import { describeWebGpu } from './webgpu_test.js';

const kernelsOf = (name: string) =>
  tf
    .getKernelsForBackend(name)
    .map(({ kernelName }) => kernelName)
    .sort();

/** Starts a plugin with tfjs's complaints silenced; gives whether it started, and what tfjs said. */
async function start(options: Parameters<typeof registerWebGPUBackend>[0]) {
  registerWebGPUBackend(options);
  // Under test tfjs keeps its warnings to itself.
  tf.env().set('IS_TEST', false);
  const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
  const started = await tf.setBackend(options.name);
  const said = warn.mock.calls.flat().join('\n');
  warn.mockRestore();
  tf.env().set('IS_TEST', true);
  return { started, said };
}

await describeWebGpu('llvmpipe', 'the plugin', () => {
  test('is the whole stock backend and ours, on a device of its own with all that the adapter has', async () => {
    await tf.setBackend('webgpu');
    const stock = tf.backend() as unknown as { device: GPUDevice };
    const spec = new FullAttentionSpec({ blockSize: 4, numKvHeads: 1, headSize: 8 });
    const stockCache = new KvCache(spec, { numBlocks: 2 });

    expect(await start({ name: 'webgpu-attention' })).toEqual({ started: true, said: '' });
    expect(kernelsOf('webgpu-attention')).toEqual(kernelsOf('webgpu'));
    expect(announcedBackends()).toContain('webgpu-attention');
    const { device } = tf.backend() as unknown as { device: GPUDevice };
    expect(device).not.toBe(stock.device);
    const features: ReadonlySet<string> = device.features;
    expect(['shader-f16', 'subgroups'].filter((name) => !features.has(name))).toEqual([]);
    expect(device.limits.maxStorageBuffersPerShaderStage).toBeGreaterThan(8);
    expect(describeKernels()).toMatch(/subgroups of 8, float16/);
    expect(explainAttnBackend(64).kernels).toBe('FUSED');

    const x = tf.tensor4d([1, 2, 3, 4], [1, 2, 1, 2]);
    const causal = flashAttention(x, x, x, { causal: true, implementation: 'FUSED' });
    expect([...(await tf.add(causal, 0).data())].slice(0, 2)).toEqual([1, 2]);
    expect(() => stockCache.toTensors()).toThrow(BackendMismatchError);
    await tf.setBackend('webgpu');
    expect(await stockCache.toTensors().key.data()).toEqual(new Float32Array(64));
    stockCache.dispose();
  });

  test('leaves out what it is told to', async () => {
    await start({ name: 'plain', f16: false, subgroups: false, subgroupMatrix: false });
    const { device } = tf.backend() as unknown as { device: GPUDevice };
    const features: ReadonlySet<string> = device.features;
    expect(['shader-f16', 'subgroups'].filter((name) => features.has(name))).toEqual([]);
    expect(describeKernels()).toMatch(/no optional features/);
  });

  test('does not start without a feature that is needed, and says which', async () => {
    const { started, said } = await start({ name: 'matrices', subgroupMatrix: true });
    expect(started).toBe(false);
    expect(said).toMatch(/subgroupMatrix: the adapter does not offer chromium-experimental/);
  });

  test('names that tfjs cannot keep apart are refused', () => {
    expect(() => registerWebGPUBackend({ name: 'webgpu_attention' })).toThrow(/'_'/);
    expect(() => registerWebGPUBackend({ name: 'plain' })).toThrow(/already/);
  });
});
