import { attach } from './attach.js';

attach('webgl');

export { registerWebGLBackend, type BackendPluginOptions } from './plugin.js';
