import { attach } from './attach.js';

attach();

export { getThreads, setThreads } from './settings.js';
export { registerTensorFlowBackend } from './plugin.js';
export type { BackendPluginOptions } from '@tfjs-attention/core/provider';
