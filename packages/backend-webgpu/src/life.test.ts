// How long decoding lives: what a step may not do, counted on the device itself.
import * as tf from '@tensorflow/tfjs-core';
import {
  FullAttentionSpec,
  KvCache,
  pagedAttention,
  planAttention,
  reshapeAndCache,
} from '@tfjs-attention/core';
import { expect, jest, test } from '@jest/globals';
import { Device } from './device/device.js';
import { checkErrors } from './errors/check_errors.js';
import { describeWebGpu } from './webgpu_test.js';

const SPEC = new FullAttentionSpec({ blockSize: 8, numKvHeads: 1, headSize: 8 });
const BLOCKS = [3, 1, 2, 0, 4, 5, 6, 7];
const KEYS = BLOCKS.length * SPEC.blockSize;

/** Decodes one token a step, at most 64 keys long; waits for the device now and then, as a program that samples would. */
async function decode(cache: KvCache, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    const position = step % KEYS;
    const plan = planAttention({
      queryStartLoc: Int32Array.of(0, 1),
      seqLens: Int32Array.of(position + 1),
      blockTables: [BLOCKS],
      slotMapping: Int32Array.of(BLOCKS[position >> 3] * 8 + (position & 7)),
    });
    const q = tf.fill([1, 2, 8], step % 7);
    const kv = tf.fill([1, 1, 8], position);
    reshapeAndCache(kv, kv, cache, plan);
    const output = pagedAttention(q, cache, plan, { implementation: 'FUSED' });
    tf.dispose([q, kv, output]);
    plan.dispose();
    if (step % 50 === 49) await checkErrors();
  }
}

const held = () => {
  const { numTensors, numDataBuffers, numBytes } = tf.memory();
  const { numBytesInGPU, numBytesAllocatedInGPU } = tf.memory() as unknown as Record<
    string,
    number
  >;
  return { numTensors, numDataBuffers, numBytes, numBytesInGPU, numBytesAllocatedInGPU };
};

await describeWebGpu('SwiftShader', 'decoding', () => {
  test('200 steps compile, allocate and read back nothing', async () => {
    const cache = new KvCache(SPEC, { numBlocks: BLOCKS.length });
    await decode(cache, 200);
    const { gpu, pipelines } = Device.of('test', tf.backend());
    const made = [
      jest.spyOn(gpu, 'createComputePipeline'),
      jest.spyOn(gpu, 'createShaderModule'),
      jest.spyOn(gpu, 'createBuffer'),
      jest.spyOn(GPUBuffer.prototype, 'mapAsync'),
    ];
    const before = pipelines.count;
    await decode(cache, 200);
    expect(made.map(({ mock }) => mock.calls.length)).toEqual([0, 0, 0, 0]);
    expect(pipelines.count).toBe(before);
    made.forEach((spy) => spy.mockRestore());
    cache.dispose();
  });

  test('10,000 steps end with as much memory as they began with', async () => {
    const cache = new KvCache(SPEC, { numBlocks: BLOCKS.length, dtype: 'fp8_e4m3' });
    await decode(cache, 1000);
    const before = held();
    await decode(cache, 10_000);
    expect(held()).toEqual(before);
    cache.dispose();
  }, 300_000);
});
