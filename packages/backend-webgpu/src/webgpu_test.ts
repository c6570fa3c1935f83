// Not a test: what tests of this package share that need a GPU, or a driver that plays one.
import { beforeAll, describe } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import { installDawn } from './node/dawn.js';

/** Drivers that `scripts/lib/webgpu` finds, by a part of the name of their adapters. */
export type Driver = 'SwiftShader' | 'llvmpipe';

const ABSENT: Readonly<Record<Driver, string>> = {
  SwiftShader: 'Chromium brings it (Debian: chromium)',
  llvmpipe: 'npm test fetches it where the system is a Debian',
};

/** Stock tfjs 'webgpu' on one driver, with our kernels attached. @throws where the machine has no such driver. */
async function bringUp(driver: Driver): Promise<void> {
  await installDawn({ adapter: driver }).requestAdapter();
  await import('@tensorflow/tfjs-backend-webgpu');
  await import('./index.js');
  tf.env().set('IS_TEST', true);
}

/**
 * `describe` on tfjs 'webgpu' over a driver. Where the machine has none its tests are skipped with the reason, and in CI
 * they fail. One driver a test file: tfjs looks for `navigator.gpu` once.
 */
export async function describeWebGpu(
  driver: Driver,
  name: string,
  body: () => void,
): Promise<void> {
  const title = `${name}, ${driver}`;
  try {
    await bringUp(driver);
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    describe.skip(`${title} (no such Vulkan driver: ${ABSENT[driver]})`, body);
    return;
  }
  describe(title, () => {
    beforeAll(() => tf.setBackend('webgpu'));
    body();
  });
}
