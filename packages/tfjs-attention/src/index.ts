import '@tfjs-attention/backend-cpu';

export * from '@tfjs-attention/core';
