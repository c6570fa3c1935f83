// Devices that are smaller or larger than the driver's: what kernels do differently there.
import * as tf from '@tensorflow/tfjs-core';
import { denseSpec, type DenseCase } from '@tfjs-attention/testing/suite/dense_case';
import { pagedSpec, type PagedCase } from '@tfjs-attention/testing/suite/paged_case';
import { expect, test } from '@jest/globals';
import { chooseFeatures, Device } from './device/device.js';
import type { FeatureChoice, Limits } from './device/limits.js';
import { registerWebGPUBackend } from './plugin.js';
import { describeWebGpu } from './webgpu_test.js';

/** A software driver takes long to compile the tiles of GPUs. */
const PATIENCE = 300_000;

const BATCH = { queryLens: [21, 1], seqLens: [40, 70], blockSize: 4 } as const;
const CACHE_OF_SEVERAL_BUFFERS = { bufferBytes: 5000 };

/** The stock backend with a device as if it had other limits. */
async function limited(choice: FeatureChoice): Promise<Limits> {
  await tf.setBackend('webgpu');
  chooseFeatures(tf.backend(), choice);
  return Device.of('test', tf.backend()).limits;
}

async function attend(spec: ReturnType<typeof denseSpec>, tfBackend = 'webgpu'): Promise<void> {
  await spec.run({ label: tfBackend, tfBackend });
}

await describeWebGpu('SwiftShader', 'devices', () => {
  const segmented: PagedCase[] = [
    { ...BATCH, name: 'float32', size: [5, 6] },
    { ...BATCH, name: 'int8_per_token_head', dtype: 'int8_per_token_head', size: [5, 17] },
    {
      ...BATCH,
      name: 'one token a sequence',
      queryLens: [1, 1],
      size: [5, 6],
      features: { sinks: true },
    },
  ];
  for (const c of segmented) {
    test(`a cache larger than a buffer: ${c.name}`, async () => {
      await limited(CACHE_OF_SEVERAL_BUFFERS);
      await attend(pagedSpec(c));
    });
  }

  test('more operands than storage buffers: mask behind the bias, floats one behind the other', async () => {
    expect((await limited({})).storageBuffers).toBe(8);
    const features = {
      causal: true,
      bias: 'NTS',
      mask: 'TS',
      alibi: true,
      sinks: true,
      qqBias: 3,
    };
    await attend(pagedSpec({ ...BATCH, name: 'all', features }));
  });

  const tuned: [name: string, choice: FeatureChoice, c: DenseCase][] = [
    [
      'prefill within 16 KiB of workgroup memory',
      { tunedFor: 'default', workgroupBytes: 16384 },
      { name: 'prefill', queryLen: 70, keys: 90, size: [64, 64], features: { causal: true } },
    ],
    [
      'decode within 16 KiB of workgroup memory',
      { tunedFor: 'default', workgroupBytes: 16384 },
      { name: 'decode', queryLen: 1, keys: 300, heads: [8, 2], size: [64, 64] },
    ],
  ];
  for (const [name, choice, c] of tuned) {
    test(
      `tiles of GPUs: ${name}`,
      async () => {
        await limited(choice);
        await attend(denseSpec({ ...c, poison: [3, c.keys - 1] }));
      },
      PATIENCE,
    );
  }

  test('subgroups of a device of our own', async () => {
    registerWebGPUBackend({ name: 'webgpu-subgroups' });
    await tf.setBackend('webgpu-subgroups');
    expect(Device.of('test', tf.backend()).limits.subgroup).toBe(4);
    const name = 'webgpu-subgroups';
    await attend(denseSpec({ name, queryLen: 1, keys: 70, heads: [4, 2], size: [20, 12] }), name);
    await attend(pagedSpec({ ...BATCH, queryLens: [1, 1], name, dtype: 'float16' }), name);
  });
});
