import { attach } from './attach.js';

attach('webgpu');

export { checkErrors } from './errors/check_errors.js';
export { restartWebGPUBackend } from './errors/restart.js';
export { registerWebGPUBackend, type WebGPUBackendOptions } from './plugin.js';
export { warmup, type WarmupProgress } from './warmup.js';
