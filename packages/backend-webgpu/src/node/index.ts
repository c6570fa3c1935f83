// For Node: WebGPU through Dawn, tfjs's backend over it, and our kernels attached.
import './install.js';
import '@tensorflow/tfjs-backend-webgpu';

export { installDawn, type DawnOptions } from './dawn.js';
export * from '../index.js';
