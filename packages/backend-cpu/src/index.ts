import { attach } from './attach.js';

attach('cpu');
attach('wasm');

export { memory, type HeapMemory } from './memory.js';
export type { WasmModuleChoice } from './module/choice.js';
export type { ModuleUrls } from './module/source.js';
export { registerCpuBackend, registerWasmBackend } from './plugin.js';
export type { BackendPluginOptions } from '@tfjs-attention/core/provider';
export { getThreads, setThreads, setWasmModule, setWasmUrl, terminateThreads } from './settings.js';
