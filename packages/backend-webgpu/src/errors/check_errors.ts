import { backend } from '@tensorflow/tfjs-core';
import { Device } from '../device/device.js';

const OP = 'checkErrors';

/**
 * Gives certainty: submits what tfjs still holds back, waits for the device, and throws what it reported. Without it an
 * error shows at the next op after the device has found it.
 *
 * @throws DeviceError naming the dispatch that failed, or for a lost device; UnsupportedError where the active tfjs backend
 * is not WebGPU.
 */
export async function checkErrors(): Promise<void> {
  const device = Device.at(OP, backend());
  const { tfjs, state } = device;
  if (tfjs.commandEncoder !== null) {
    tfjs.endComputePassEncoder();
    tfjs.submitQueue();
  }
  await state.settle();
  state.check(OP);
}
