import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { findBackendFactory, registerBackend } from '@tensorflow/tfjs-core';
import { requestDevice } from '../request_device.js';

/** What tfjs asks of a device, which is none of these. */
const PLAIN = { f16: false, subgroups: false, subgroupMatrix: false };

/**
 * tfjs registers 'webgpu' where it finds `navigator.gpu` when it is imported. A bundle may run its imports before ours, and
 * a program may have imported it earlier: then this does it instead.
 */
export function registerStock(): void {
  if (findBackendFactory('webgpu') != null) return;
  const factory = async () => {
    const { device, info } = await requestDevice("tf.setBackend('webgpu')", PLAIN);
    return new WebGPUBackend(device, info);
  };
  registerBackend('webgpu', factory, 3);
}
