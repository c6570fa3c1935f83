// Errors that are provoked on a real device.
import * as tf from '@tensorflow/tfjs-core';
import { DeviceError, explainAttnBackend, flashAttention } from '@tfjs-attention/core';
import { expect, test } from '@jest/globals';
import { Device } from '../device/device.js';
import { dispatch } from '../device/dispatch.js';
import { describeWebGpu } from '../webgpu_test.js';
import { checkErrors } from './check_errors.js';
import { restartWebGPUBackend } from './restart.js';

async function attend(): Promise<number[]> {
  const x = tf.tensor4d([1, 2, 3, 4], [1, 2, 1, 2]);
  const out = flashAttention(x, x, x, { causal: true, implementation: 'FUSED' });
  const values = Array.from(await out.data());
  tf.dispose([x, out]);
  return values;
}

/** A dispatch as any of ours, of a shader that writes one number. */
function send(label: string, groups: number, buffer: GPUBuffer): void {
  const device = Device.at('test', tf.backend());
  const pipeline = device.pipelines.get('test', () => ({
    text:
      '@group(0) @binding(0) var<storage, read_write> x: array<f32>;\n' +
      '@compute @workgroup_size(1) fn main() { x[0] = 1.0; }',
    bindings: [{ name: 'x', kind: 'write' }],
  }));
  dispatch(device, { label, pipeline, bindings: { x: { buffer } }, groups: [groups, 1, 1] });
}

const gpu = () => Device.at('test', tf.backend()).gpu;
const makeBuffer = () => gpu().createBuffer({ size: 4096, usage: GPUBufferUsage.STORAGE });

await describeWebGpu('SwiftShader', 'errors of the device', () => {
  test('none are found where there are none', async () => {
    send('fine', 1, makeBuffer());
    await checkErrors();
    expect((await attend()).slice(0, 2)).toEqual([1, 2]);
  });

  test('checkErrors names the dispatch that failed, once', async () => {
    send('fine', 1, makeBuffer());
    send('pagedAttention: decode', 70_000, makeBuffer());
    const found = checkErrors();
    await expect(found).rejects.toThrow(DeviceError);
    await expect(found).rejects.toThrow(
      /checkErrors: the dispatch 'pagedAttention: decode' failed/,
    );
    await expect(found).rejects.toThrow(/70000/);
    await checkErrors();
  });

  test('the next op says it as well, and the one after runs', async () => {
    send('mergeAttnStates: merge', 70_000, makeBuffer());
    await tf.square(tf.ones([50, 50])).data();
    await expect(attend()).rejects.toThrow(
      /flashAttention: the dispatch 'mergeAttnStates: merge' failed on the GPU/,
    );
    expect((await attend()).slice(0, 2)).toEqual([1, 2]);
  });

  test('what fails when it is submitted comes with the dispatches before it', async () => {
    const buffer = makeBuffer();
    send('reshapeAndCache: cache_write', 1, buffer);
    buffer.destroy();
    await expect(checkErrors()).rejects.toThrow(
      /the last dispatches were .*reshapeAndCache: cache_write.*destroyed/s,
    );
  });

  test('a shader that does not compile is named', async () => {
    const device = Device.at('test', tf.backend());
    device.pipelines.get('a broken shader', () => ({ text: 'fn main( {', bindings: [] }));
    await expect(checkErrors()).rejects.toThrow(/a broken shader/);
  });

  test('a lost device is said, and after a restart everything runs anew', async () => {
    const expected = await attend();
    gpu().destroy();
    await expect(checkErrors()).rejects.toThrow(
      /checkErrors: the WebGPU device is lost \(destroyed/,
    );
    await expect(attend()).rejects.toThrow(DeviceError);
    await expect(attend()).rejects.toThrow(/restartWebGPUBackend\(\)/);
    const reasons = explainAttnBackend(8).rejected.flatMap(({ reasons: all }) => all);
    expect(reasons.join()).toMatch(/device is lost/);

    restartWebGPUBackend();
    expect(await tf.setBackend('webgpu')).toBe(true);
    expect(await attend()).toEqual(expected);
    await checkErrors();
  });

  test('a backend that tfjs does not know cannot be started anew', () => {
    expect(() => restartWebGPUBackend('nobody')).toThrow(/no backend 'nobody'/);
  });
});
