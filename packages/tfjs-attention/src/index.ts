import '@tfjs-attention/backend-cpu';
import '@tfjs-attention/backend-webgl';

export * from '@tfjs-attention/core';
