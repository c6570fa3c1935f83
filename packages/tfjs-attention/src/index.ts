import '@tfjs-attention/backend-cpu';
import '@tfjs-attention/backend-webgl';
import '@tfjs-attention/backend-webgpu';

export * from '@tfjs-attention/core';
