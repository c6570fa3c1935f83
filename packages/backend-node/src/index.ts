import { attach } from './attach.js';

attach();

export { getThreads, setThreads } from './settings.js';
export { registerTensorFlowBackend, type BackendPluginOptions } from './plugin.js';
