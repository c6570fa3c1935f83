import { UserError } from './user_error.js';

/**
 * Brings up WebGPU in Node, through Dawn, with our kernels on a device that has every feature of the adapter: the one that
 * `TFJS_ATTENTION_WEBGPU_ADAPTER` names a part of, or the best.
 *
 * @throws UserError with the way out where Dawn does not load or finds no driver.
 */
export async function loadWebGpu(): Promise<void> {
  try {
    const { installDawn } = await import('@tfjs-attention/backend-webgpu/node');
    if ((await installDawn().requestAdapter()) === null) throw new Error('no adapter');
  } catch (error) {
    const [reason] = (error as Error).message.split('\n');
    throw new UserError(
      `--backend 'webgpu' finds no GPU (${reason.trim()}): it needs the npm package webgpu, and a driver for Vulkan, ` +
        'Metal or Direct3D 12',
    );
  }
}
