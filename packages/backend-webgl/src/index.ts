import { attach } from './attach.js';

attach('webgl');

export { registerWebGLBackend } from './plugin.js';
export type { BackendPluginOptions } from '@tfjs-attention/core/provider';
